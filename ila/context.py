"""What the header of every page shows: where one may go, and where one is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Citizen, Membership, OrganisationKind
from funding.agency_pages import IN_MENU

MANY = 7
# Pages under an address belong to its entry of the menu.
_SECTIONS = {
    "catalogue": _("Catalogue"),
    "schemes": _("Schemes"),
    "windows": _("Grants"),
    "learning_accounts": _("My account"),
    "bookings": _("Bookings"),
    "portfolio": _("My portfolio"),
    "awards": _("Awards"),
    "provider_home": _("For providers"),
    "agency_providers": _("Providers"),
    "my_top_ups": _("Employer's money"),
    "counselling": _("People you advise"),
    "employer_home": _("For employers"),
    "agency_home": _("Agency"),
    "agency_claims": _("Claims"),
    "batches": _("Payment batches"),
    "fraud_desk": _("Fraud"),
    "audit": _("Audit"),
    "account_login": _("Sign in"),
}


_ABOUT = {
    "catalogue": _("Search micro-credentials and their sessions, without signing in."),
    "windows": _("Windows in which one may apply for a grant, and what was granted."),
    "schemes": _("What you get, what you pay and until when you can cancel, in plain words."),
    "learning_accounts": _("What you have, from whom, until when; and which schemes are open to you."),
    "bookings": _("What was asked for, proposed, booked and paid, with every step and who took it."),
    "portfolio": _("What you have been awarded: keep it, print it, show it by a link."),
    "awards": _("The credentials that were issued, and how they stand."),
    "provider_home": _("Apply for accreditation, describe what you teach, plan sessions."),
    "agency_providers": _("Applications, accreditations and what was submitted to the register."),
    "my_top_ups": _("A reference to give to your employer, and what employers added to your account."),
    "counselling": _("Whose accounts you may look at, and trainings you suggest to them."),
    "employer_home": _("Add money to your employees' learning accounts, and see what was used in totals."),
    "agency_home": _("What waits for you, and every page of the agency by group."),
    "agency_claims": _("What providers ask to be paid, with the proof; approve or reject several at once."),
    "batches": _("What was sent to the bank, and what the bank said about it."),
    "fraud_desk": _("What looks wrong, who looks into it, and what follows."),
    "audit": _("Whether the books hold, checked to the cent."),
    "account_login": _("See your bookings, answer a proposal."),
}


@dataclass(frozen=True)
class Item:
    """An entry of the menu. here: `page` on the page itself, `true` on one under it, else empty."""

    label: Any
    about: Any
    url: str
    here: str
    end: bool = False


class Navigation:
    """The menu of one request, made when a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def items(self) -> list[Item]:
        """The pages that this person may open, in order."""
        path = self._request.path
        urls = [(name, reverse(name)) for name in self._names]
        # A page belongs to the entry that names it most closely: /agency/batches/ is not the agency's home too.
        nearest = max((len(url) for _name, url in urls if path.startswith(url)), default=0)
        made = []
        for name, url in urls:
            here = "page" if path == url else "true" if path.startswith(url) and len(url) == nearest else ""
            made.append(Item(_SECTIONS[name], _ABOUT[name], url, here, end=name == "account_login"))
        return made

    @property
    def many(self) -> bool:
        """Whether the entries need to stand close together: with one's own sign-in and signing out, seven or more."""
        return len(self._names) + 2 * bool(getattr(self._request.user, "is_authenticated", False)) >= MANY

    @property
    def founds(self) -> bool:
        """Whether this person may found a provider: whoever works for an agency decides about those."""
        return "agency_home" not in self._names

    @cached_property
    def _names(self) -> list[str]:
        user = getattr(self._request, "user", None)
        if user is None or not user.is_authenticated:
            return ["catalogue", "schemes", "windows", "account_login"]
        held = Membership.objects.filter(user=user, ended_at__isnull=True).values_list(
            "organisation__kind", "role"
        )
        rows = list(held)
        roles = {role for kind, role in rows if kind == OrganisationKind.AGENCY}
        provides = any(kind == OrganisationKind.PROVIDER for kind, _role in rows)
        learns = Citizen.objects.filter(user=user).exists()
        # What the agency's home lists among its rules need not stand beside it too.
        names = ["catalogue"] if roles and not learns else ["catalogue", "schemes", "windows"]
        if learns or not rows:
            names.append("learning_accounts")
        if roles or provides or learns:
            names.append("bookings")
        if learns:
            names += ["portfolio", "my_top_ups"]
        if provides:
            names += ["awards", "provider_home"]
        if any(kind == OrganisationKind.COUNSELLING for kind, _role in rows):
            names.append("counselling")
        if any(kind == OrganisationKind.EMPLOYER for kind, _role in rows):
            names.append("employer_home")
        # The agency's home lists the rest by group: more entries do not fit on one line.
        if roles:
            names.append("agency_home")
        return names + [name for name, wanted in IN_MENU if roles & set(wanted)]


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the menu."""
    return {"navigation": Navigation(request)}
