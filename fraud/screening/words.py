"""What a match says to who decides on an application: both names, and what each part counted."""

from __future__ import annotations

from django.utils.translation import gettext as _

from catalogue.models import Provider
from fraud.models import ScreeningMatch
from fraud.screening.onboarding import matches_of

_DATES = {
    "same": lambda: _("the same birth date"),
    "a slip apart": lambda: _("birth dates a slip of the pen apart"),
    "unknown": lambda: _("a birth date is not known"),
    "different": lambda: _("other birth dates"),
}


def explain(match: ScreeningMatch) -> str:
    """One sentence: who is like whom, by how much, and through whom."""
    said = match.explanation
    parts = [
        _("%(said)s is like %(listed)s on the blacklist (names %(percent)s %% alike)")
        % {
            "said": said.get("said", ""),
            "listed": said.get("listed", ""),
            "percent": round(100 * float(said.get("name_score", 0))),
        }
    ]
    if said.get("birth_dates") in _DATES:
        parts.append(_DATES[said["birth_dates"]]())
    if match.hops and match.via is not None:
        parts.append(_("declared at %(firm)s, which shares a director or owner") % {"firm": str(match.via)})
    parts.append(_("score %(score)s of 100") % {"score": round(100 * match.score)})
    return ", ".join(parts)


def to_look_at(provider: Provider) -> list[tuple[str, str]]:
    """What stands for a provider, for the page on which its application is decided."""
    return [(_("A name on the blacklist"), explain(match)) for match in matches_of(provider)]
