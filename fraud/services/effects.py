"""What measures do elsewhere, each with a row of its own; and how every one of them is undone, to the cent."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from accounts.services import service_users
from catalogue.models import Accreditation, AccreditationState
from catalogue.permissions import is_authority
from catalogue.services import accreditations
from fraud.models import (
    AutomaticHold,
    BlacklistEntry,
    BlacklistKind,
    Case,
    CaseBooking,
    Measure,
    MeasureEffect,
    MeasureKind,
    RecordKind,
)
from fraud.services import case_file, rights
from funding.models import Hold, Receivable, ReceivableState
from funding.services import holds
from funding.services.bookings import reinstating
from funding.services.recoveries import demands, reversals
from ila.core import clock
from ila.core.errors import DomainError

K = MeasureKind
E = MeasureEffect.Kind
# What lasts as long as the measure; money taken back and things handed on are done once.
LASTING = (E.HELD, E.SUSPENDED, E.LISTED)


def carry_out(case: Case, measure: Measure, *, actor: User) -> None:
    """Do what a locked measure is for. Records: `effect` for each thing done."""
    match measure.kind:
        case K.HOLD:
            _hold(case, measure, actor)
        case K.SUSPENSION:
            for each in _accreditations(case, AccreditationState.ACCREDITED):
                accreditations.suspend_accreditation(
                    actor=actor, accreditation_id=each.pk, reason=_because(measure)
                )
                _done(case, measure, E.SUSPENDED, actor, accreditation=each)
        case K.TERMINATION:
            for each in _accreditations(case, AccreditationState.ACCREDITED, AccreditationState.SUSPENDED):
                accreditations.withdraw_accreditation(
                    actor=actor, accreditation_id=each.pk, reason=_because(measure)
                )
                _done(case, measure, E.WITHDRAWN, actor, accreditation=each)
        case K.RESTITUTION:
            _demand(case, measure, actor)
        case K.CLAWBACK:
            _take_back(case, measure, actor)
        case K.REFERRAL:
            _done(case, measure, E.REFERRED, actor, said=measure.authority)
        case _:
            _list(case, measure, actor)


def end_lasting(case: Case, measure: Measure, *, actor: User, reason: str) -> None:
    """End what lasts: holds are released the same moment, accreditations resumed, entries taken off the list."""
    undo(case, _standing(measure).filter(kind__in=LASTING), actor=actor, reason=reason)


def undo_all(case: Case, measure: Measure, *, actor: User, reason: str) -> list[MeasureEffect]:
    """Undo everything that a measure did, the latest first. Returns the rows of what was undone."""
    return undo(case, _standing(measure), actor=actor, reason=reason)


def undo(case: Case, wanted: Iterable[MeasureEffect], *, actor: User, reason: str) -> list[MeasureEffect]:
    """Undo these effects of measures of a locked case, the latest first. Records: `effect` for each."""
    done = []
    for effect in sorted(wanted, key=lambda each: each.pk, reverse=True):
        facts: dict[str, Any] = {
            name: getattr(effect, name)
            for name in ("hold", "booking", "receivable", "accreditation", "entry")
        }
        facts |= {"amount_cents": effect.amount_cents, "said": effect.said}
        facts |= _undo_one(case, effect, actor=actor, reason=reason)
        done.append(_done(case, effect.measure, E(effect.kind), actor, undoes=effect, **facts))
    return done


def prolong(measure: Measure, *, until: datetime, reason: str, actor: User) -> None:
    """Holds of a measure get a later end: each is followed by one with the new end."""
    for effect in _standing(measure).filter(kind=E.HELD).select_related("hold"):
        hold = effect.hold
        assert hold is not None
        if hold.released_at is None and hold.expires_at > clock.now():
            holds.release_hold(hold_id=hold.pk, actor=actor)
        _done(measure.case, measure, E.HELD, actor, undoes=effect, hold=hold, said=reason[:500])
        later = holds.place_hold(
            owner=actor,
            reason=measure.reason[:500],
            until=until,
            booking=hold.booking,
            provider=hold.provider,
        )
        _done(measure.case, measure, E.HELD, actor, hold=later, booking=hold.booking)


def took_money(case: Case) -> bool:
    """Whether a measure of the case asked for money and nobody has undone it."""
    theirs = MeasureEffect.objects.filter(measure__case=case, undoes__isnull=True, undone_by__isnull=True)
    return bool(theirs.filter(kind__in=[E.DEMANDED, E.TAKEN_BACK, E.NOT_PAID]).exists())


def _standing(measure: Measure) -> Any:
    """What the measure did and nobody has undone."""
    return MeasureEffect.objects.filter(measure=measure, undoes__isnull=True, undone_by__isnull=True)


def _undo_one(case: Case, effect: MeasureEffect, *, actor: User, reason: str) -> dict[str, Any]:
    match effect.kind:
        case E.HELD:
            hold = Hold.objects.get(pk=_id(effect.hold_id))
            if hold.released_at is None and hold.expires_at > clock.now():
                holds.release_hold(hold_id=hold.pk, actor=actor)
        case E.SUSPENDED:
            now = Accreditation.objects.get(pk=_id(effect.accreditation_id))
            if now.state == AccreditationState.SUSPENDED:
                # Who may lift the measure need not be an authority: the platform carries it out for them.
                who = actor if is_authority(now, actor) else service_users.get("fraud")
                accreditations.resume_accreditation(actor=who, accreditation_id=now.pk, reason=reason)
        case E.WITHDRAWN:
            return {"accreditation": _accredit_again(effect, actor=actor, reason=reason)}
        case E.LISTED:
            BlacklistEntry.objects.filter(pk=_id(effect.entry_id), ended_at__isnull=True).update(
                ended_at=clock.now(), ended_by=actor, ended_reason=reason[:500]
            )
        case E.DEMANDED | E.TAKEN_BACK:
            undone = reversals.undo_receivable(
                actor=actor, receivable_id=_id(effect.receivable_id), reason=reason
            )
            return {"said": undone.said}
        case E.NOT_PAID:
            row = _row_of(effect)
            # What stands again is told with its amount; what could not is told in the file with the reason.
            return {"said": rights.undo(case, row, actor=actor, reason=reason)}
    return {}


def _row_of(effect: MeasureEffect) -> CaseBooking:
    return CaseBooking.objects.select_related("booking").get(
        case=effect.measure.case_id, booking=_id(effect.booking_id)
    )


def _accredit_again(effect: MeasureEffect, *, actor: User, reason: str) -> Accreditation:
    """A withdrawn accreditation stays withdrawn: the same days and reference are recorded anew (decision 224)."""
    gone = Accreditation.objects.select_related("provider", "micro_credential").get(
        pk=_id(effect.accreditation_id)
    )
    return accreditations.record_accreditation(
        actor=actor,
        authority=gone.authority,
        provider=gone.provider,
        micro_credential=gone.micro_credential,
        valid_from=gone.valid_from,
        valid_until=gone.valid_until,
        reference=gone.reference,
        conditions=gone.conditions,
        reason=f"withdrawal overturned: {reason}"[:500],
    )


def _id(known: int | None) -> int:
    """The id of what an effect of this kind always names."""
    if known is None:
        raise RuntimeError("an effect names nothing that it did")
    return known


def _hold(case: Case, measure: Measure, actor: User) -> None:
    assert measure.expires_at is not None
    given: dict[str, Any] = {"owner": actor, "reason": measure.reason[:500], "until": measure.expires_at}
    if measure.scope == "provider":
        _done(case, measure, E.HELD, actor, hold=holds.place_hold(provider=case.provider, **given))
    lines = list(measure.lines.select_related("booking__account").order_by("booking_id"))
    held = _placed_before(case, [line.booking_id for line in lines])
    rest = [line.booking for line in lines if line.booking_id not in held]
    if rest:
        held |= {each.booking_id: each for each in holds.place_holds(bookings=rest, **given)}
    effects = [
        MeasureEffect(
            measure=measure,
            kind=E.HELD,
            actor=actor,
            at=clock.now(),
            hold=held[line.booking_id],
            booking=line.booking,
        )
        for line in lines
    ]
    MeasureEffect.objects.bulk_create(effects, batch_size=1000)
    case_file.record_all(case, [_entry(measure, each) for each in effects], actor=actor)


def _placed_before(case: Case, booking_ids: Collection[int]) -> dict[int | None, Hold]:
    """Holds from before the case that no measure has taken on yet: they become this measure's."""
    standing = _before_the_case(case).filter(booking__in=booking_ids)
    free = standing.exclude(pk__in=MeasureEffect.objects.filter(hold__isnull=False).values("hold"))
    return {each.booking_id: each for each in free.order_by("-pk")}


def release_before_the_case(case: Case, *, actor: User) -> int:
    """Release what led to a case, and what stopped a payment of its bookings before it left. Returns how many."""
    theirs = _before_the_case(case).filter(
        Q(booking__in=case.bookings.values("booking")) | Q(decisions__case=case)
    )
    return len(holds.release_holds(hold_ids=list(theirs.values_list("pk", flat=True)), actor=actor))


def _before_the_case(case: Case) -> QuerySet[Hold]:
    """Holds that stand without a measure of their own: by detection, or looked into by a person in this case."""
    automatic = Exists(AutomaticHold.objects.filter(hold=OuterRef("pk")))
    return holds.open_holds().filter(automatic | Q(decisions__case=case)).distinct()


def _demand(case: Case, measure: Measure, actor: User) -> None:
    """Debts that arose when learners got their rights back are demanded."""
    waiting = Receivable.objects.filter(
        booking__in=case.bookings.filter(restored_at__isnull=False).values("booking"), closed_at__isnull=True
    ).order_by("pk")
    for found in waiting:
        debt = found
        if found.state == ReceivableState.OPENED:
            debt = demands.demand_receivable(actor=actor, receivable_id=found.pk)
        _done(
            case,
            measure,
            E.DEMANDED,
            actor,
            receivable=debt,
            booking=debt.booking,
            amount_cents=debt.amount_cents,
        )

    _end_unpaid(case, measure, actor)


def _end_unpaid(case: Case, measure: Measure, actor: User) -> None:
    """What was ended before it was paid is part of the restitution too: an appeal against it is heard and undone."""
    known = MeasureEffect.objects.filter(measure__case=case, kind=E.NOT_PAID, undoes__isnull=True)
    rows = case.bookings.filter(restored_at__isnull=False).select_related("booking").order_by("booking_id")
    for row in rows.exclude(booking__in=known.filter(undone_by__isnull=True).values("booking")):
        if rights.stands_cancelled(row):
            cents = reinstating.would_be_paid(row.booking)
            _done(case, measure, E.NOT_PAID, actor, booking=row.booking, amount_cents=cents)


def _take_back(case: Case, measure: Measure, actor: User) -> None:
    for line in measure.lines.order_by("booking_id"):
        if line.amount_cents is None:
            raise DomainError("incomplete", status=422, what="amount")
        debt = demands.open_receivable(
            actor=actor, booking_id=line.booking_id, amount_cents=line.amount_cents, reason=case.number
        )
        debt = demands.demand_receivable(actor=actor, receivable_id=debt.pk)
        _done(
            case,
            measure,
            E.TAKEN_BACK,
            actor,
            receivable=debt,
            booking=line.booking,
            amount_cents=debt.amount_cents,
        )


def _list(case: Case, measure: Measure, actor: User) -> None:
    """One entry for one decision; a related firm's says through which entry it was found."""
    person = measure.kind == K.BLACKLIST_PERSON
    provider = measure.related_provider if measure.kind == K.BLACKLIST_RELATED else case.provider
    found_by = BlacklistEntry.objects.filter(measure__case=case, ended_at__isnull=True)
    linked = None
    if measure.kind == K.BLACKLIST_RELATED:
        linked = found_by.filter(kind=BlacklistKind.PERSON).first() or found_by.first()
    entry = BlacklistEntry.objects.create(
        kind=BlacklistKind.PERSON if person else BlacklistKind.FIRM,
        person_name=measure.person_name if person else "",
        birth_date=measure.birth_date if person else None,
        entity_name="" if person else (measure.entity_name or str(provider)),
        provider=None if person else provider,
        reason=measure.reason[:500],
        measure=measure,
        linked_to=linked,
        link=measure.link,
        listed_at=clock.now(),
        listed_by=actor,
        until=None if measure.expires_at is None else case.provider.local_date(measure.expires_at),
    )
    _done(case, measure, E.LISTED, actor, entry=entry)


def _accreditations(case: Case, *states: AccreditationState) -> list[Accreditation]:
    """The provider's own accreditations, and those of its programmes, in these states."""
    theirs = Accreditation.objects.filter(state__in=states)
    own = theirs.filter(provider=case.provider_id)
    programmes = theirs.filter(micro_credential__provider=case.provider_id)
    return list((own | programmes).order_by("pk"))


def _because(measure: Measure) -> str:
    return f"{measure.case.number}: {measure.reason}"[:500]


def _done(case: Case, measure: Measure, kind: MeasureEffect.Kind, actor: User, **facts: Any) -> MeasureEffect:
    effect = MeasureEffect.objects.create(measure=measure, kind=kind, actor=actor, at=clock.now(), **facts)
    case_file.record_all(case, [_entry(measure, effect)], actor=actor)
    return effect


def _entry(measure: Measure, effect: MeasureEffect) -> case_file.Entry:
    named = ("hold", "booking", "receivable", "accreditation", "entry")
    return (
        RecordKind.EFFECT,
        effect.said,
        {
            "measure": measure.public_id,
            "effect": str(effect.kind),
            "undone": effect.undoes_id is not None,
            "amount_cents": effect.amount_cents,
            **{name: getattr(effect, f"{name}_id") for name in named},
        },
    )
