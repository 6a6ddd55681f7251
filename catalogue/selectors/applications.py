"""What is known of applications: what is missing, what is doubtful, what is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from catalogue import lookalikes, payees, regimes
from catalogue.importing.values import folded
from catalogue.models import (
    Accreditation,
    AccreditationState,
    Application,
    ApplicationPerson,
    ListingClaim,
    PayeeAnswer,
    Provider,
    Question,
)
from ila.core import clock

S = AccreditationState
OPEN_STATES = (S.SUBMITTED, S.IN_REVIEW)
STANDING = (S.ACCREDITED, S.SUSPENDED)
MOST_NAMES = 20_000


def members(organisation_id: int) -> list[User]:
    """Everybody who acts for an organisation today."""
    return list(
        User.objects.filter(
            memberships__organisation=organisation_id, memberships__ended_at__isnull=True, is_active=True
        )
        .distinct()
        .order_by("pk")
    )


def missing(application: Application) -> list[tuple[str, str]]:
    """What still has to be told before it can be handed in: (step, code), in the order of the steps."""
    found: list[tuple[str, str]] = []

    def need(there: Any, step: str, code: str) -> None:
        if not there:
            found.append((step, code))

    need(application.number and application.legal_name, "identity", "identity")
    need(application.email and application.turnover_cents is not None, "contact", "contact")
    if not application.is_claim:
        need(application.establishments.exists(), "establishments", "establishment")
    roles = set(application.persons.values_list("role", flat=True))
    need("director" in roles, "persons", "director")
    shares = application.persons.filter(role="owner").aggregate(total=Sum("share_percent"))["total"]
    need((shares or 0) <= 100, "persons", "shares")
    need(application.iban, "account", "account")
    if not application.is_claim:
        _need_means(application, need)
    kinds = set(application.documents.values_list("kind", flat=True))
    for kind in papers(application):
        need(kind in kinds, "documents", f"document_{kind}")
    need(application.declared_at, "declaration", "declaration")
    return found


def _need_means(application: Application, need: Callable[[Any, str, str], None]) -> None:
    """What only an accreditation asks for: who teaches, and who works for the applicant."""
    need(application.subcontracts is not None, "partners", "partners_unsaid")
    partners = application.partners.exists()
    need(not application.subcontracts or partners, "partners", "partners")
    need(application.subcontracts is not False or not partners, "partners", "partners_contradict")
    trainers = list(application.trainers.values_list("certified", flat=True))
    need(trainers, "trainers", "trainer")
    regime = regimes.REGIMES.get(application.register)
    least = regime.trainers_certified_percent if regime is not None else None
    if trainers and least is not None:
        need(sum(trainers) * 100 >= len(trainers) * least, "trainers", "trainers_certified")


def papers(application: Application) -> tuple[str, ...]:
    """The documents that have to be handed in."""
    regime = regimes.REGIMES.get(application.register)
    if regime is None:
        return ()
    return regimes.CLAIM_PAPERS if application.is_claim else regime.documents


def points(application: Application) -> tuple[str, ...]:
    """The points that have to be looked at."""
    return regimes.CLAIM_POINTS if application.is_claim else regimes.regime_of(application.register).points


def is_delisted(number: str) -> bool:
    """Whether a provider of that number was delisted and has not been accredited again (F-35)."""
    plain = "".join(number.split()).upper()
    providers = Provider.objects.filter(
        Q(external_id__in={number, plain}) | Q(register="ila", external_id__endswith=f"-{plain}")
    )
    standing = Accreditation.objects.filter(provider=OuterRef("pk"), state=S.ACCREDITED)
    withdrawn = Accreditation.objects.filter(provider=OuterRef("pk"), state=S.WITHDRAWN)
    return providers.filter(Exists(withdrawn), ~Exists(standing)).exists()


def flags(application: Application) -> list[dict[str, Any]]:
    """What a person has to look at: look-alike names, an account of somebody else's, people who were delisted."""
    found: list[dict[str, Any]] = []
    names = {application.legal_name, application.trade_name} - {""}
    others = _standing_names(application)
    alike = sorted({other for name in names for other in lookalikes.looks_like(name, others)})
    found += [{"code": "lookalike", "detail": other} for other in alike[:10]]
    if any(lookalikes.mixes_alphabets(name) for name in names):
        found.append({"code": "alphabets", "detail": ""})
    if application.payee_answer != PayeeAnswer.MATCH:
        found.append({"code": f"payee_{application.payee_answer}", "detail": application.payee_name})
    if not payees.same_holder(application.account_holder, application.legal_name):
        found.append({"code": "holder", "detail": application.account_holder})
    shared = Provider.objects.filter(iban=application.iban).exclude(
        register=application.register, external_id=application.number
    )
    found += [{"code": "shared_account", "detail": str(one)} for one in shared[:5]]
    found += [{"code": "known_person", "detail": name} for name in _known_people(application)]
    if application.is_claim and application.provider is not None:
        found += _claim_flags(application, application.provider)
    return found


def _claim_flags(application: Application, provider: Provider) -> list[dict[str, Any]]:
    """What speaks against a claim by what is known of the listing when it is handed in."""
    found = []
    names = {application.legal_name, application.trade_name} - {""}
    if provider.name and not any(payees.same_holder(name, provider.name) for name in names):
        found.append({"code": "listing_name", "detail": provider.name})
    if provider.iban and provider.iban != application.iban:
        found.append({"code": "other_account", "detail": ""})
    return found


def disputes(application: Application) -> list[dict[str, Any]]:
    """What stands between a claim and its approval at this moment: somebody has the listing, or claims it too."""
    provider = application.provider
    claim = application.claim
    if claim is None or provider is None:
        return []
    found: list[dict[str, Any]] = []
    if provider.organisation is not None and provider.organisation_id != application.organisation_id:
        found.append({"code": "linked", "detail": provider.organisation.name})
    rivals = ListingClaim.objects.filter(provider=provider, state__in=OPEN_STATES).exclude(pk=claim.pk)
    names = rivals.order_by("pk").values_list("application__legal_name", flat=True)
    return found + [{"code": "rival", "detail": name} for name in names[:5]]


def _standing_names(application: Application) -> list[str]:
    standing = Accreditation.objects.filter(provider=OuterRef("pk"), state__in=STANDING)
    named = Provider.objects.filter(Exists(standing), name__gt="").exclude(
        register=application.register, external_id=application.number
    )
    return [name for name in named.order_by("pk").values_list("name", flat=True)[:MOST_NAMES] if name]


def _known_people(application: Application) -> list[str]:
    """Directors and owners who stand in another application whose accreditation was withdrawn or refused."""
    mine = {(folded(one.full_name), one.birth_date): one.full_name for one in application.persons.all()}
    ended = ApplicationPerson.objects.filter(
        birth_date__in={day for _, day in mine},
        application__accreditation__state__in=(S.WITHDRAWN, S.REFUSED),
    ).exclude(application=application)
    return sorted(
        {
            mine[key]
            for name, day in ended.values_list("full_name", "birth_date")
            if (key := (folded(name), day)) in mine
        }
    )


# -- the authority's queue ----------------------------------------------------------------


@dataclass(frozen=True)
class QueueRow:
    """An application in the queue. due_at: of the step it is in; None: nothing is due."""

    application: Application
    due_at: datetime | None
    overdue: bool
    waits: bool


def queue(*, state: str = "") -> QuerySet[Application]:
    """Applications that were handed in: those that wait for the authority, the next due first; or of one state."""
    found = Application.objects.exclude(_DRAFT).select_related("accreditation", "claim", "provider")
    if state:
        return (
            found.filter(_in_state([state]))
            .annotate(handed_in_at=Coalesce("accreditation__submitted_at", "claim__submitted_at"))
            .order_by("-handed_in_at", "pk")
        )
    return found.filter(_in_state(OPEN_STATES)).order_by("admissibility_due_at", "decision_due_at", "pk")


_DRAFT = Q(accreditation__isnull=True, claim__isnull=True)


def _in_state(states: Sequence[str]) -> Q:
    return Q(accreditation__state__in=states) | Q(claim__state__in=states)


def queue_rows(applications: Any) -> list[QueueRow]:
    """The rows with what is due for each."""
    now = clock.now()
    return [_row(one, now) for one in applications]


def _row(application: Application, now: datetime) -> QueueRow:
    due = due_at(application)
    waits = application.waiting_since is not None
    return QueueRow(application, due, due is not None and due <= now, waits)


def due_at(application: Application) -> datetime | None:
    """When the present step ends: admissibility, or the decision, which waits while a question is open."""
    if application.state == S.SUBMITTED:
        return application.admissibility_due_at
    if application.state == S.IN_REVIEW and application.waiting_since is None:
        return application.decision_due_at
    return None


def overdue(now: datetime) -> QuerySet[Application]:
    """Applications whose present term has passed."""
    late = (_in_state([S.SUBMITTED]) & Q(admissibility_due_at__lte=now)) | (
        _in_state([S.IN_REVIEW]) & Q(waiting_since__isnull=True, decision_due_at__lte=now)
    )
    return Application.objects.filter(late)


def counts() -> dict[str, int]:
    """How many applications there are of each state."""
    rows = (
        Application.objects.exclude(_DRAFT)
        .order_by()
        .annotate(case_state=Coalesce("accreditation__state", "claim__state"))
        .values_list("case_state")
        .annotate(number=Count("pk"))
    )
    return dict(rows)


def open_questions(application: Application) -> QuerySet[Question]:
    """Questions that wait for an answer."""
    return application.questions.filter(answered_at__isnull=True).order_by("asked_at", "pk")
