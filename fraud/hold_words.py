"""Why money is held, in the words of whoever reads it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.services import service_users
from fraud.detection.registry import DETECTORS
from fraud.models import AutomaticHold
from funding.models import Hold


def why(hold: Hold, placed: AutomaticHold | None) -> Any:
    """The reason as a sentence: the detector's, what a learner said, or what a person wrote."""
    if placed is not None and placed.detector in DETECTORS:
        return DETECTORS[placed.detector].explanation
    if hold.owner_id == service_users.get("not-me").pk:
        return _("The learner says that they did not make this booking.")
    return hold.reason
