"""Holds outside of a case: the provider answers, a person lifts, prolongs or looks further, and says why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from accounts.models import User
from catalogue.documents import CheckedFile, checked_file, keep
from catalogue.models import Provider
from fraud import permissions
from fraud.detection.detector import TYPOLOGIES
from fraud.models import (
    AutomaticHold,
    Case,
    CaseDocument,
    HoldAnswer,
    HoldDecision,
    HoldDocument,
    HoldOutcome,
    MeasureEffect,
    ParameterVersion,
    RecordKind,
)
from fraud.services import case_file, gathering, letters
from fraud.services.cases import required
from funding.models import Booking, Claim, ClaimState, Hold
from funding.services import hold_notices, holds
from ila.core import clock, locks
from ila.core.errors import DomainError

# Claimed and not with the bank yet: what a hold keeps back.
KEPT_BACK = (ClaimState.SUBMITTED, ClaimState.APPROVED, ClaimState.IN_BATCH)
BUILT_IN = 1


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was handed in."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Released:
    """What came of releasing many: how many ended now, and how many did not, as they had ended before."""

    now: int
    before: int


def outside_cases(found: QuerySet[Hold] | None = None) -> QuerySet[Hold]:
    """Of these holds (those that stand) the ones that no measure of a case stands for."""
    found = holds.open_holds() if found is None else found
    return found.filter(~Exists(MeasureEffect.objects.filter(hold=OuterRef("pk"))))


def unanswered_by_us() -> QuerySet[HoldAnswer]:
    """Answers to holds that stand outside of cases and that nobody has decided on since."""
    decided = HoldDecision.objects.filter(hold=OuterRef("hold"))
    since = decided.filter(Q(decided_at__gte=OuterRef("answered_at")) | Q(case__isnull=False))
    return HoldAnswer.objects.filter(~Exists(since), hold__in=outside_cases())


@transaction.atomic
def answer_hold(*, actor: User, hold_id: int, text: str, files: Sequence[File] = ()) -> HoldAnswer:
    """The provider says what it has to say to a hold, once until its end; its managers get a receipt.

    Locks: the hold. Raises: DomainError `not_found` (404) for who manages nobody it concerns; `not_allowed` when it is
    over; `answer_the_measure` where a measure of a case stands for it; `hold_answered`, `incomplete`, `bad_file`.
    """
    concerned = hold_notices.providers_of([hold_id]).get(hold_id, [])
    provider = next(
        (each for each in concerned if permissions.answers_for(HoldAnswer(provider=each), actor)), None
    )
    if provider is None:
        raise DomainError("not_found", status=404, kind="hold")
    # Of whom a case was opened answers into its file.
    looked = HoldDecision.objects.filter(hold=hold_id, case__provider=provider).order_by("-pk").first()
    case: Case | None = None
    if looked is not None:
        (case,) = locks.acquire(locks.lock(Case, looked.case_id))
    (hold,) = locks.acquire(locks.lock(Hold, hold_id))
    if hold.released_at is not None or hold.expires_at <= clock.now():
        raise DomainError("not_allowed", hold=hold.pk)
    if MeasureEffect.objects.filter(hold=hold).exists():
        raise DomainError("answer_the_measure", status=409)
    said = required(text, "text")
    checked: dict[str, CheckedFile] = {}
    for each in files:
        file = checked_file(each.name, each.content)
        checked.setdefault(file.sha256, file)
    try:
        with transaction.atomic():
            answer = HoldAnswer.objects.create(
                hold=hold,
                provider=provider,
                until=hold.expires_at,
                text=said,
                answered_by=actor,
                answered_at=clock.now(),
            )
    except IntegrityError as error:
        raise DomainError("hold_answered", status=409) from error
    for file in checked.values():
        keep(file)
        HoldDocument.objects.create(
            answer=answer,
            name=file.name,
            content_type=file.media_type,
            sha256=file.sha256,
            size=len(file.content),
        )
    if case is not None:
        _file(case, answer, actor)
    letters.tell_managers(
        provider,
        "hold_answered",
        number=hold.pk,
        text=said,
        documents=[file.name for file in checked.values()],
        until=hold.expires_at.date().isoformat(),
    )
    return answer


@transaction.atomic
def release_many(*, actor: User, hold_ids: Collection[int], reason: str) -> Released:
    """Release these holds outside of cases for one reason. What had ended already is left as it is.

    As few queries for many. Each provider is told once. Locks: the holds.
    Raises: DomainError `incomplete` without a reason; `not_allowed` (403) for who investigates nothing, and where one
    of them comes from thresholds that the actor wrote or put in force; `in_a_case` where a measure stands for one.
    """
    _require_investigator(actor)
    said = required(reason)
    wanted = set(hold_ids)
    if MeasureEffect.objects.filter(hold__in=wanted, hold__released_at__isnull=True).exists():
        raise DomainError("in_a_case", status=409)
    _require_no_author(actor, wanted)
    released = holds.release_holds(hold_ids=wanted, actor=actor)
    HoldDecision.objects.bulk_create(
        [
            HoldDecision(
                hold=each,
                outcome=HoldOutcome.LIFTED,
                reason=said,
                before=each.expires_at,
                decided_by=actor,
                decided_at=clock.now(),
            )
            for each in released
        ],
        batch_size=1000,
    )
    _tell(released, HoldOutcome.LIFTED, said)
    return Released(len(released), len(wanted) - len(released))


@transaction.atomic
def lift_hold(*, actor: User, hold_id: int, reason: str) -> Released:
    """Release one hold outside of a case. Raises: as `release_many`; `not_allowed` when it is over."""
    done = release_many(actor=actor, hold_ids=[hold_id], reason=reason)
    if not done.now:
        raise DomainError("not_allowed", hold=hold_id)
    return done


@transaction.atomic
def prolong_hold(*, actor: User, hold_id: int, until: datetime, reason: str) -> HoldDecision:
    """Give a hold outside of a case a later end; the provider is told why, and may answer again.

    Locks: the hold. Raises: DomainError `incomplete` without a reason or a later end, `not_allowed`, `in_a_case`.
    """
    _require_investigator(actor)
    said = required(reason)
    _require_no_author(actor, [hold_id])
    (hold,) = locks.acquire(locks.lock(Hold, hold_id))
    if MeasureEffect.objects.filter(hold=hold).exists():
        raise DomainError("in_a_case", status=409)
    before = hold.expires_at
    later = holds.prolong_hold(hold_id=hold_id, actor=actor, until=until)
    decision = HoldDecision.objects.create(
        hold=later,
        outcome=HoldOutcome.PROLONGED,
        reason=said,
        before=before,
        until=until,
        decided_by=actor,
        decided_at=clock.now(),
    )
    _tell([later], HoldOutcome.PROLONGED, said)
    return decision


@transaction.atomic
def open_case(
    *, actor: User, hold_id: int, typology: str, reason: str, provider_id: int | None = None
) -> Case:
    """Look further into what a hold is about, in the provider's case of that kind, which is opened if there is none.

    The case gets the booking, what the provider answered and its documents. The hold stands as it did; a measure of
    the case takes it on, and it is lifted when the case is refuted. provider_id: whose case, where several are paid
    into the account that is held. Locks: provider, case, hold. Records: `note`, `answer`, `document`.
    Raises: DomainError `not_allowed`, `in_a_case`, `incomplete`, `not_found`.
    """
    _require_investigator(actor)
    said = required(reason)
    if typology not in TYPOLOGIES:
        raise DomainError("incomplete", status=422, what="typology")
    concerned = {each.pk: each for each in hold_notices.providers_of([hold_id]).get(hold_id, [])}
    provider = concerned.get(provider_id) if provider_id is not None else next(iter(concerned.values()), None)
    if provider is None:
        raise DomainError("not_found", status=404, kind="provider")
    locks.acquire(locks.lock(Provider, provider.pk))
    authors = _require_no_author(actor, [hold_id])
    case, _new = gathering.open_case(provider, typology, actor=actor)
    if gathering.own_rule(case, authors):
        raise DomainError("not_allowed", what="open_case", reason="author_of_the_rule")
    (hold,) = locks.acquire(locks.lock(Hold, hold_id))
    if hold.released_at is not None or hold.expires_at <= clock.now():
        raise DomainError("not_allowed", hold=hold.pk)
    taken = MeasureEffect.objects.filter(hold=hold).exists()
    if taken or hold.decisions.filter(outcome=HoldOutcome.CASE).exists():
        raise DomainError("in_a_case", status=409)
    gathering.name_authors(case, authors)
    if hold.booking_id is not None:
        gathering.add_bookings(case, [str(Booking.objects.get(pk=hold.booking_id).public_id)])
    case_file.record(
        case, RecordKind.NOTE, actor=actor, text=said, data={"hold": hold.pk, "reason": hold.reason}
    )
    for answer in hold.answers.filter(provider=provider).prefetch_related("documents").order_by("pk"):
        _file(case, answer, actor)
    HoldDecision.objects.create(
        hold=hold,
        outcome=HoldOutcome.CASE,
        reason=said,
        before=hold.expires_at,
        case=case,
        decided_by=actor,
        decided_at=clock.now(),
    )
    _tell([hold], HoldOutcome.CASE, "")
    return case


def _file(case: Case, answer: HoldAnswer, actor: User) -> None:
    """What the provider answered becomes part of the case's file, with its documents."""
    case_file.record(
        case,
        RecordKind.ANSWER,
        actor=actor,
        text=answer.text,
        data={
            "hold": answer.hold_id,
            "answered_by": answer.answered_by_id,
            "answered_at": answer.answered_at,
        },
    )
    for each in answer.documents.all():
        document, new = CaseDocument.objects.get_or_create(
            case=case,
            sha256=each.sha256,
            defaults={
                "name": each.name,
                "content_type": each.content_type,
                "size": each.size,
                "added_by_id": answer.answered_by_id,
                "added_at": answer.answered_at,
            },
        )
        if new:
            case_file.record(
                case,
                RecordKind.DOCUMENT,
                actor=actor,
                text=each.name,
                data={"document": document.public_id, "sha256": each.sha256},
            )


def authors_of(hold_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """By hold, who answers for the thresholds that placed it; nobody where those were built in. Two queries."""
    found = AutomaticHold.objects.filter(hold__in=list(hold_ids), rule__gt=BUILT_IN)
    rows = list(found.values_list("hold_id", "detector", "rule"))
    if not rows:
        return {}
    versions = ParameterVersion.objects.filter(detector__in={detector for _hold, detector, _rule in rows})
    authors = {(each.detector, each.number): each.authors for each in versions}
    return {
        hold: authors[detector, rule]
        for hold, detector, rule in rows
        if rule is not None and (detector, rule) in authors
    }


def kept_back(hold_ids: Collection[int]) -> list[tuple[str, int]]:
    """What is claimed and kept back by these holds, each claim once, in cents by currency. Two queries."""
    rows = Hold.objects.filter(pk__in=list(hold_ids)).values_list(
        "booking_id", "session_id", "provider_id", "iban"
    )
    bookings, sessions, providers, ibans = (
        {each for each in column if each} for column in (zip(*rows, strict=True) if rows else ((),) * 4)
    )
    concerned = (
        Q(booking__in=bookings)
        | Q(booking__session__in=sessions)
        | Q(booking__provider__in=providers)
        | Q(booking__provider__iban__in=ibans)
    )
    found = Claim.objects.filter(concerned, state__in=KEPT_BACK).order_by().values_list("currency")
    return sorted((currency, cents) for currency, cents in found.annotate(cents=Sum("amount_cents")))


def _require_investigator(actor: User) -> None:
    if not permissions.may_investigate(None, actor):
        raise DomainError("not_allowed", status=403, what="hold")


def _require_no_author(actor: User, hold_ids: Collection[int]) -> frozenset[int]:
    """Nobody decides on what their own thresholds found. Returns the authors."""
    authors = frozenset(who for each in authors_of(hold_ids).values() for who in each)
    if actor.pk in authors:
        raise DomainError("not_allowed", status=403, what="hold", reason="author_of_the_rule")
    return authors


def _tell(decided: Iterable[Hold], outcome: HoldOutcome, reason: str) -> None:
    """One mail to the managers of each provider concerned, however many of its holds were decided on."""
    by_pk = {each.pk: each for each in decided}
    theirs: dict[int, set[int]] = defaultdict(set)
    for pk, providers in hold_notices.providers_of(by_pk).items():
        for provider in providers:
            if provider.organisation_id is not None:
                theirs[provider.organisation_id].add(pk)
    told: dict[int, list[dict[str, Any]]] = {
        organisation: [
            {
                "decision": str(outcome),
                "reason": reason,
                "holds": len(pks),
                "number": min(pks),
                "until": max(by_pk[pk].expires_at for pk in pks).date().isoformat(),
            }
        ]
        for organisation, pks in theirs.items()
    }
    hold_notices.write_to_managers("hold_decided", told)
