"""Certificates with the file that proves them."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.models import User
from funding.models import Certificate, CertificateFile
from funding.services.bookings.training import record_certificate
from ila.core.lazy import lazy_module

documents = lazy_module("catalogue.documents")


def record_with_file(*, actor: User, booking_id: int, kind: str, upload: Any = None) -> Certificate:
    """The provider records a certificate or an examination, with its file where there is one (N-08).

    upload: a file of a form, or None. Locks: account, session, booking.
    Raises: DomainError `bad_file` for what is no plain PDF, PNG or JPEG; as `record_certificate`.
    """
    file = None if upload is None else documents.checked_file(upload.name, _content(upload))
    with transaction.atomic():
        certificate = record_certificate(actor=actor, booking_id=booking_id, kind=kind)
        if file is not None:
            documents.keep(file)
            CertificateFile.objects.create(
                certificate=certificate,
                name=file.name,
                media_type=file.media_type,
                size=len(file.content),
                sha256=file.sha256,
            )
    return certificate


def content_of(file: CertificateFile) -> bytes:
    """The file as it was handed in. Raises: DomainError `altered`, `not_found` (404)."""
    content: bytes = documents.read(file.sha256)
    return content


def _content(upload: Any) -> bytes:
    content: bytes = upload.read(documents.MAX_BYTES + 1)
    return content
