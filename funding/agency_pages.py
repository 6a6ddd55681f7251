"""The agency's pages by group, and which roles open them: what its menu and its home show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from accounts.permissions import FACT_ROLES
from catalogue.permissions import AUTHORITY_ROLES, WATCHING_ROLES
from funding.permissions import (
    BATCH_ROLES,
    CLAIM_ROLES,
    FRAUD_ROLES,
    FUNDER_ROLES,
    HOLD_ROLES,
    LABORATORY_ROLES,
    PAYMENT_ROLES,
)
from funding.rights import GROUPS

ALL = tuple(Role)
CATALOGUE_ROLES = (*AUTHORITY_ROLES, *WATCHING_ROLES)


@dataclass(frozen=True, slots=True)
class AgencyPage:
    """A page that the agency's home lists under its group. whole: for roles alone that count for every scheme."""

    group: str
    url_name: str
    label: Promise
    about: Promise
    roles: tuple[Any, ...]
    whole: bool = False


PAGES: tuple[AgencyPage, ...] = (
    AgencyPage(
        "money",
        "agency_claims",
        _("Providers' claims"),
        _("What providers ask to be paid, with the proof; approve or reject several at once."),
        CLAIM_ROLES,
    ),
    AgencyPage(
        "money",
        "batches",
        _("Payment batches"),
        _("Draw up, release and send; what the bank said about each."),
        BATCH_ROLES,
    ),
    AgencyPage(
        "money",
        "agency_receivables",
        _("Money owed back"),
        _("What providers owe, by age; demands, instalments, write-offs; what they are to be paid, by age."),
        CLAIM_ROLES,
    ),
    AgencyPage(
        "money",
        "reconciliation",
        _("Bank and books"),
        _("Side by side, day by day: what differs, what explains it, who looks after it."),
        BATCH_ROLES,
        whole=True,
    ),
    AgencyPage(
        "money", "bank_messages", _("Messages of the bank"), _("As they came, byte for byte."), BATCH_ROLES
    ),
    AgencyPage(
        "money",
        "agency_budgets",
        _("Budgets"),
        _("Where every appropriated euro stands; appropriate more by two persons."),
        ALL,
    ),
    AgencyPage(
        "money",
        "agency_receipts",
        _("Employers' transfers"),
        _("Transfers that nobody could place, and refunds."),
        BATCH_ROLES,
    ),
    AgencyPage(
        "money",
        "agency_cards",
        _("Cards and Stripe"),
        _(
            "What payers owe after charge-backs, disputes, refunds that got stuck, messages that were not believed."
        ),
        BATCH_ROLES,
        whole=True,
    ),
    AgencyPage(
        "rules",
        "agency_schemes",
        _("Rules"),
        _("The rules of each scheme: written by one manager, put into force by another."),
        ALL,
    ),
    AgencyPage(
        "rules", "agency_windows", _("Windows"), _("In which grants are applied for, and how they go."), ALL
    ),
    AgencyPage(
        "rules",
        "laboratory",
        _("Laboratory"),
        _("What changed rules would do: who gains, who loses, and what it costs by year."),
        LABORATORY_ROLES,
    ),
    AgencyPage(
        "catalogue",
        "agency_providers",
        _("Applications of providers"),
        _("For accreditation and listing, the next due first."),
        CATALOGUE_ROLES,
    ),
    AgencyPage(
        "catalogue",
        "agency_accreditations",
        _("Accreditations"),
        _("Who is accredited until when, suspended or withdrawn."),
        CATALOGUE_ROLES,
    ),
    AgencyPage(
        "catalogue",
        "agency_changes",
        _("Changes of providers"),
        _("Bank accounts and details that providers want changed."),
        CATALOGUE_ROLES,
    ),
    AgencyPage(
        "catalogue",
        "agency_entries",
        _("Entries of the register"),
        _("Trainings that were submitted, and prices that jumped."),
        CATALOGUE_ROLES,
    ),
    AgencyPage(
        "catalogue",
        "imports",
        _("Imports"),
        _("Catalogue files: checked first, stored when you say so."),
        AUTHORITY_ROLES,
    ),
    AgencyPage(
        "catalogue",
        "awards",
        _("Awards"),
        _("The credentials that were issued, and how they stand."),
        AUTHORITY_ROLES,
    ),
    AgencyPage(
        "people",
        "bookings",
        _("Bookings"),
        _("What was asked for, proposed, booked and paid, with every step and who took it."),
        ALL,
    ),
    AgencyPage(
        "people",
        "disputes",
        _("Disputes"),
        _("Bookings that learners say are not theirs, and accounts that their owners closed."),
        FUNDER_ROLES,
    ),
    AgencyPage(
        "people",
        "agency_suspensions",
        _("Suspended accounts"),
        _("Learning accounts closed to new bookings for a time: suspend one, end it."),
        FUNDER_ROLES,
    ),
    AgencyPage(
        "people",
        "identity_claims",
        _("Claims of accounts"),
        _("People whose learning account is not certain: find it, open one, or ask."),
        FACT_ROLES,
    ),
    AgencyPage(
        "people",
        "preregistrations",
        _("Register citizens in advance"),
        _("Files of people whose learning accounts wait for them: checked first, stored when you say so."),
        FACT_ROLES,
    ),
    AgencyPage(
        "people",
        "corrections",
        _("Corrections"),
        _("People who say that a fact about them is wrong, the longest waiting first."),
        FACT_ROLES,
    ),
    AgencyPage(
        "people",
        "erasures",
        _("Erasures"),
        _("Who asked to be erased, by number, and how each request stands."),
        (*FACT_ROLES, Role.AUDITOR),
    ),
    AgencyPage(
        "people",
        "agency_employers",
        _("Employers"),
        _("Who is to be verified, and how each stands."),
        ALL,
    ),
    AgencyPage(
        "control",
        "agency_holds",
        _("Holds"),
        _("Money that is stopped, by whom, why and until when."),
        HOLD_ROLES,
    ),
    AgencyPage(
        "control",
        "fraud_desk",
        _("Fraud"),
        _("What looks wrong, who looks into it, what was decided, and what follows."),
        FRAUD_ROLES,
    ),
    AgencyPage(
        "control",
        "agency_introductions",
        _("Who brought learners"),
        _("By provider, what learners said as they booked, and whom it has not declared."),
        FRAUD_ROLES,
    ),
    AgencyPage(
        "control",
        "operations",
        _("Operations"),
        _("What falls due, what is overdue and why, and what the jobs did."),
        ALL,
    ),
    AgencyPage("control", "audit", _("Audit"), _("Whether the books hold, checked to the cent."), ALL),
    AgencyPage(
        "control",
        "agency_roles",
        _("Roles"),
        _("Who works here, in which role, for which schemes, and what each role may do."),
        ALL,
    ),
)

# What the menu itself shows beside the home, by role: the rest is one step away.
IN_MENU: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("agency_claims", PAYMENT_ROLES),
    ("batches", BATCH_ROLES),
    ("agency_providers", (Role.CASE_WORKER,)),
    ("fraud_desk", (Role.INVESTIGATOR,)),
    ("audit", (Role.AUDITOR,)),
)


@dataclass(frozen=True, slots=True)
class Group:
    """Pages of one group, each with its address."""

    code: str
    label: Promise
    pages: list[tuple[AgencyPage, str]]


def groups_for(roles: set[Any], whole: set[Any]) -> list[Group]:
    """The pages that these roles open, by group; a group without a page is left out. whole: those without a limit."""
    made = []
    for code, label in GROUPS.items():
        pages = [
            (page, reverse(page.url_name))
            for page in PAGES
            if page.group == code and (whole if page.whole else roles) & {str(role) for role in page.roles}
        ]
        if pages:
            made.append(Group(code, label, pages))
    return made
