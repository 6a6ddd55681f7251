"""What waits for somebody at the agency, by the roles they hold: a count for each, in one query each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import IdentityClaim, Membership, OrganisationKind, Role, User
from accounts.models.identities import OPEN_STATES
from accounts.permissions import FACT_ROLES
from catalogue.models import MicroCredential
from catalogue.permissions import AUTHORITY_ROLES
from catalogue.selectors import account_changes, applications, details
from funding.models import (
    Appropriation,
    BankMessage,
    BatchState,
    Booking,
    BookingReview,
    Claim,
    ClaimState,
    CorrectionRequest,
    DraftState,
    PaymentBatch,
    SchemeDraft,
)
from funding.permissions import BATCH_ROLES, FUNDER_ROLES, HOLD_ROLES, PAYMENT_ROLES
from funding.selectors import agency_cards, disputes, employers
from funding.selectors.scope import of_people
from funding.services import holds
from ila.core import clock

ENDING_SOON = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody's roles at the agency, each with the schemes that it is limited to; None: every scheme."""

    user: User
    roles: dict[str, frozenset[int] | None]

    def schemes(self, wanted: Any) -> frozenset[int] | None:
        """For which schemes they hold one of these roles; None: for every one."""
        held = [self.roles[role] for role in wanted if role in self.roles]
        return None if None in held else frozenset().union(*(each for each in held if each is not None))

    def within(self, found: QuerySet[Any], path: str, wanted: Any) -> QuerySet[Any]:
        """What of a list belongs to those schemes."""
        schemes = self.schemes(wanted)
        return found if schemes is None else found.filter(**{f"{path}__in": schemes})


def desk_of(user: User) -> Desk:
    """The roles somebody holds at an agency today. One query."""
    held: dict[str, set[int | None]] = {}
    if user.is_active and not user.is_service:
        rows = Membership.objects.filter(
            user=user, ended_at__isnull=True, organisation__kind=OrganisationKind.AGENCY
        )
        for role, scheme in rows.values_list("role", "scheme_limits__scheme_id"):
            held.setdefault(role, set()).add(scheme)
    return Desk(
        user,
        {
            role: None if None in schemes else frozenset(each for each in schemes if each is not None)
            for role, schemes in held.items()
        },
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A kind of work: where it is done, who does it, and how much of it there is.

    query: of the address. urgent: it stands first when there is any.
    """

    label: Promise
    url: str
    roles: tuple[Any, ...]
    found: Callable[[Desk], QuerySet[Any]]
    query: str = ""
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """So much of a kind of work waits."""

    kind: Waiting
    number: int


def _claims(desk: Desk, state: str) -> QuerySet[Any]:
    found = Claim.objects.filter(state=state)
    return desk.within(found, "booking__account__scheme", PAYMENT_ROLES)


def _batches(desk: Desk, state: str) -> QuerySet[Any]:
    return desk.within(PaymentBatch.objects.filter(state=state), "scheme", PAYMENT_ROLES)


def _silent(desk: Desk) -> QuerySet[Any]:
    since = clock.now() - timedelta(hours=settings.BANK_SILENCE_HOURS)
    silent = Q(sent_at__lte=since) | Q(sent_at__isnull=True, exported_at__lte=since)
    found = PaymentBatch.objects.filter(silent, state=BatchState.EXPORTED)
    return desk.within(found, "scheme", BATCH_ROLES)


def _late(desk: Desk) -> QuerySet[Any]:
    found = Claim.objects.filter(
        state__in=[ClaimState.SUBMITTED, ClaimState.APPROVED], due_on__lt=clock.now().date()
    )
    return desk.within(found, "booking__account__scheme", PAYMENT_ROLES)


def _reviews(desk: Desk) -> QuerySet[Any]:
    found = BookingReview.objects.filter(closed_at__isnull=True)
    return desk.within(found, "booking__account__scheme", FUNDER_ROLES)


def _ending(desk: Desk) -> QuerySet[Any]:
    found = holds.open_holds().filter(expires_at__lte=clock.now() + ENDING_SOON)
    return desk.within(found, "booking__account__scheme", HOLD_ROLES)


def _disputes(desk: Desk) -> QuerySet[Any]:
    return desk.within(Booking.objects.filter(state="disputed"), "account__scheme", FUNDER_ROLES)


def _drafts(desk: Desk) -> QuerySet[Any]:
    return SchemeDraft.objects.filter(state=DraftState.PROPOSED).exclude(author=desk.user)


def _appropriations(desk: Desk) -> QuerySet[Any]:
    found = Appropriation.objects.filter(state="proposed").exclude(author=desk.user)
    return desk.within(found, "scheme", (Role.MANAGER,))


MANAGER = (Role.MANAGER,)
WORK: tuple[Waiting, ...] = (
    Waiting(
        _("Batches of which the bank has said nothing"), "bank_messages", BATCH_ROLES, _silent, urgent=True
    ),
    Waiting(
        _("Messages of the bank that could not be used"),
        "bank_messages",
        BATCH_ROLES,
        lambda desk: desk.within(BankMessage.objects.filter(state="refused"), "batch__scheme", BATCH_ROLES),
        "?state=refused",
        urgent=True,
    ),
    Waiting(
        _("Failed jobs"),
        "operations",
        MANAGER,
        lambda _desk: ProcrastinateJob.objects.filter(status="failed"),
        "#failed",
        urgent=True,
    ),
    Waiting(_("Claims past their term of payment"), "agency_claims", PAYMENT_ROLES, _late, urgent=True),
    Waiting(
        _("Claims to decide"),
        "agency_claims",
        PAYMENT_ROLES,
        lambda desk: _claims(desk, ClaimState.SUBMITTED),
    ),
    Waiting(
        _("Approved claims that no batch holds"),
        "batch_new",
        PAYMENT_ROLES,
        lambda desk: _claims(desk, ClaimState.APPROVED).exclude(approver=desk.user),
    ),
    Waiting(
        _("Batches to release"),
        "batches",
        PAYMENT_ROLES,
        lambda desk: _batches(desk, BatchState.DRAFT).exclude(author=desk.user),
        "?state=draft",
    ),
    Waiting(
        _("Batches to send to the bank"),
        "batches",
        PAYMENT_ROLES,
        lambda desk: _batches(desk, BatchState.APPROVED),
        "?state=approved",
    ),
    Waiting(_("Appropriations to decide"), "agency_budgets", MANAGER, _appropriations),
    Waiting(_("Rules to approve"), "agency_schemes", MANAGER, _drafts),
    Waiting(_("Disputed bookings"), "disputes", FUNDER_ROLES, _disputes),
    Waiting(
        _("Accounts closed by their owners"),
        "disputes",
        FUNDER_ROLES,
        lambda desk: disputes.open_alarms(desk.schemes(FUNDER_ROLES)),
    ),
    Waiting(_("Bookings to be looked at"), "operations", FUNDER_ROLES, _reviews, "#reviews"),
    Waiting(_("Holds that end in three days"), "agency_holds", HOLD_ROLES, _ending),
    Waiting(
        _("Applications of providers"),
        "agency_providers",
        AUTHORITY_ROLES,
        lambda _desk: applications.queue(),
    ),
    Waiting(
        _("Changes of providers' bank accounts"),
        "agency_changes",
        AUTHORITY_ROLES,
        lambda _desk: account_changes.waiting(),
    ),
    Waiting(
        _("Changes of providers' details"), "agency_changes", AUTHORITY_ROLES, lambda _desk: details.waiting()
    ),
    Waiting(
        _("Trainings submitted to the register"),
        "agency_entries",
        AUTHORITY_ROLES,
        lambda _desk: MicroCredential.objects.filter(state="submitted"),
    ),
    Waiting(
        _("People whose account is not certain"),
        "identity_claims",
        FACT_ROLES,
        lambda _desk: IdentityClaim.objects.filter(state__in=OPEN_STATES),
    ),
    Waiting(
        _("Corrections that citizens ask for"),
        "corrections",
        FACT_ROLES,
        lambda desk: of_people(
            CorrectionRequest.objects.filter(state="asked"), "citizen__user", desk.schemes(FACT_ROLES)
        ),
    ),
    Waiting(
        _("Employers to verify"), "agency_employers", FACT_ROLES, lambda _desk: employers.waiting_employers()
    ),
    Waiting(
        _("Transfers that nobody could place"),
        "agency_receipts",
        PAYMENT_ROLES,
        lambda desk: (
            employers.unmatched_receipts()
            if desk.schemes(PAYMENT_ROLES) is None
            else employers.unmatched_receipts().none()
        ),
    ),
    Waiting(
        _("Card payments that wait for a person"),
        "agency_cards",
        PAYMENT_ROLES,
        lambda _desk: agency_cards.matters(),
    ),
    Waiting(
        _("Refunds that employers ask for"),
        "agency_receipts",
        PAYMENT_ROLES,
        lambda desk: desk.within(employers.open_refunds(), "top_up__scheme", PAYMENT_ROLES),
    ),
    Waiting(
        _("Transfers to employers that another person confirms"),
        "agency_receipts",
        PAYMENT_ROLES,
        lambda desk: desk.within(
            employers.noted_refunds().exclude(noted_by=desk.user), "top_up__scheme", PAYMENT_ROLES
        ),
    ),
)


_FURTHER: dict[str, Sequence[Waiting]] = {}


def add_work(app: str, kinds: Sequence[Waiting]) -> None:
    """An app above funding says what waits in it; the same app again replaces what it said."""
    _FURTHER[app] = kinds


def waiting_for(desk: Desk) -> list[Count]:
    """How much of each kind of their work waits, what is urgent first. One query for each kind."""
    known = [*WORK, *(kind for kinds in _FURTHER.values() for kind in kinds)]
    mine = [kind for kind in known if any(role in desk.roles for role in kind.roles)]
    counts = [Count(kind, kind.found(desk).count()) for kind in mine]
    return sorted(counts, key=lambda each: not (each.kind.urgent and each.number))
