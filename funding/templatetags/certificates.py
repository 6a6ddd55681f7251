"""The files of a booking's certificates, for who may see the booking."""

from __future__ import annotations

from typing import Any

from django import template

from funding.models import Booking, CertificateFile

register = template.Library()


@register.inclusion_tag("funding/certificate_files.html")
def certificate_files(booking: Booking) -> dict[str, Any]:
    """Links to the files, the oldest first. One query."""
    files = CertificateFile.objects.filter(certificate__booking=booking).order_by("pk")
    return {"booking": booking, "files": files}
