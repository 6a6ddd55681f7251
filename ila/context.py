"""What the header of every page shows: where one may go, and where one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Citizen, Membership, OrganisationKind, Role
from accounts.permissions import FACT_ROLES
from catalogue.permissions import AUTHORITY_ROLES, WATCHING_ROLES
from funding.permissions import BATCH_ROLES, FUNDER_ROLES, LABORATORY_ROLES

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
    "identity_claims": _("Claims"),
    "imports": _("Imports"),
    "my_top_ups": _("Employer's money"),
    "counselling": _("People you advise"),
    "employer_home": _("For employers"),
    "agency_employers": _("Employers"),
    "batches": _("Payment batches"),
    "audit": _("Audit"),
    "operations": _("Operations"),
    "disputes": _("Disputes"),
    "agency_schemes": _("Rules"),
    "laboratory": _("Laboratory"),
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
    "identity_claims": _("People whose learning account is not certain: find it, open one, or ask."),
    "imports": _("Catalogue files: checked first, stored when you say so."),
    "my_top_ups": _("A reference to give to your employer, and what employers added to your account."),
    "counselling": _("Whose accounts you may look at, and trainings you suggest to them."),
    "employer_home": _("Add money to your employees' learning accounts, and see what was used in totals."),
    "agency_employers": _("Who is to be verified, transfers that nobody could place, refunds."),
    "batches": _("What was sent to the bank, and what the bank said about it."),
    "audit": _("Whether the books hold, checked to the cent."),
    "operations": _("What falls due, what is overdue and why, and what the jobs did."),
    "disputes": _("Bookings that learners say are not theirs, and accounts that their owners closed."),
    "agency_schemes": _("The rules of each scheme: written by one manager, put into force by another."),
    "laboratory": _("What changed rules would do: who gains, who loses, and what it costs by year."),
    "account_login": _("See your bookings, answer a proposal."),
}


# Which roles in an agency open what, in order.
_OF_AGENCIES: dict[str, set[str]] = {
    "agency_providers": {*AUTHORITY_ROLES, *WATCHING_ROLES},
    "identity_claims": {*FACT_ROLES},
    "imports": {*AUTHORITY_ROLES},
    "batches": {*BATCH_ROLES},
    "agency_employers": {*Role.values},
    "audit": {*Role.values},
    "operations": {*Role.values},
    "agency_schemes": {*Role.values},
    "disputes": {*FUNDER_ROLES},
    "laboratory": {*LABORATORY_ROLES},
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
        made = []
        for name in self._names():
            url = reverse(name)
            here = "page" if path == url else "true" if path.startswith(url) else ""
            made.append(Item(_SECTIONS[name], _ABOUT[name], url, here, end=name == "account_login"))
        return made

    def _names(self) -> list[str]:
        user = getattr(self._request, "user", None)
        if user is None or not user.is_authenticated:
            return ["catalogue", "schemes", "windows", "account_login"]
        names = ["catalogue", "schemes", "windows"]
        held = Membership.objects.filter(user=user, ended_at__isnull=True).values_list(
            "organisation__kind", "role"
        )
        rows = list(held)
        roles = {role for kind, role in rows if kind == OrganisationKind.AGENCY}
        provides = any(kind == OrganisationKind.PROVIDER for kind, _role in rows)
        learns = Citizen.objects.filter(user=user).exists()
        if learns or not rows:
            names.append("learning_accounts")
        if roles or provides or learns:
            names.append("bookings")
        if learns:
            names += ["portfolio", "my_top_ups"]
        if provides or roles & set(AUTHORITY_ROLES):
            names.append("awards")
        if provides:
            names.append("provider_home")
        if any(kind == OrganisationKind.COUNSELLING for kind, _role in rows):
            names.append("counselling")
        if any(kind == OrganisationKind.EMPLOYER for kind, _role in rows):
            names.append("employer_home")
        return names + [name for name, wanted in _OF_AGENCIES.items() if roles & wanted]


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the menu."""
    return {"navigation": Navigation(request)}
