"""What an entry tells of itself, beside what its page shows already."""

from __future__ import annotations

from typing import Any

from django import template

from catalogue import described as described_
from catalogue.models import MicroCredential

register = template.Library()


@register.inclusion_tag("catalogue/provider/described.html")
def described(entry: MicroCredential) -> dict[str, Any]:
    """Rows of a summary list: the elements that are told, then which ones are not."""
    return {"rows": described_.told_of(entry), "untold": described_.untold_of(entry)}
