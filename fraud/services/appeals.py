"""Appeals: a person who had no part looks again; what was wrong is undone, all of it, with an apology."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.utils import translation

from accounts.models import User
from fraud import permissions, words
from fraud.models import BlacklistEntry, LetterKind, Measure, MeasureEffect, MeasureState
from fraud.services import effects, letters
from fraud.services.cases import required
from fraud.services.measures import end, lock_measure, move, said, subject_of
from ila.core import clock
from ila.core.errors import DomainError
from ila.core.money import format_cents

S = MeasureState


@transaction.atomic
def lodge_appeal(*, actor: User, measure_id: int, appeal: str) -> Measure:
    """The provider appeals, or an investigator takes down its letter. The measure stands until it is decided.

    Locks: the case, the measure. Logs: `lodge_appeal`. Raises: DomainError `not_allowed`, `incomplete`.
    """
    case, measure = lock_measure(measure_id)
    if not permissions.answers_for(case, actor) and not permissions.may_investigate(case, actor):
        raise DomainError("not_allowed", status=403, transition="lodge_appeal")
    text = required(appeal, "appeal")
    move(case, measure, "lodge_appeal", actor=actor, reason=text, at=clock.now(), appeal=text)
    return measure


@transaction.atomic
def uphold(*, actor: User, measure_id: int, reason: str) -> Measure:
    """The measure was right. Locks: the case, the measure. Logs: `uphold`. Raises: `incomplete`, `not_allowed`."""
    case, measure = lock_measure(measure_id)
    move(case, measure, "uphold", actor=actor, reason=required(reason), by=actor)
    letters.send(
        case,
        LetterKind.APPEAL,
        actor=actor,
        measure=measure,
        outcome="upheld",
        why=reason,
        subject=subject_of(measure),
    )
    return measure


@transaction.atomic
def vary(*, actor: User, measure_id: int, reason: str, undone: Collection[int]) -> Measure:
    """A part of it was right: these of its effects are undone, the others stay.

    Locks: the case, the measure, what it acted on. Logs: `vary`. Raises: DomainError `incomplete` where nothing, or
    all of it, is to be undone; `not_allowed`.
    """
    case, measure = lock_measure(measure_id)
    standing = MeasureEffect.objects.filter(measure=measure, undoes__isnull=True, undone_by__isnull=True)
    wanted = list(standing.filter(pk__in=undone))
    if not wanted or len(wanted) != len(set(undone)) or len(wanted) == standing.count():
        raise DomainError("incomplete", status=422, what="undone")
    move(case, measure, "vary", actor=actor, reason=required(reason), by=actor)
    effects.undo(case, wanted, actor=actor, reason=reason)
    letters.send(
        case,
        LetterKind.APPEAL,
        actor=actor,
        measure=measure,
        outcome="varied",
        why=reason,
        subject=subject_of(measure),
    )
    return measure


@transaction.atomic
def overturn(*, actor: User, measure_id: int, reason: str) -> Measure:
    """The measure was wrong: holds, debts, listings and accreditations are as they were, to the cent, with an apology.

    Related firms that were listed for their link to what was wrongly listed come off the list in the same moment.
    Locks: the case, the measure, what it acted on. Logs: `overturn`, and what `effects` undo.
    Raises: DomainError `incomplete` without a reason, `being_netted`, `not_allowed`.
    """
    case, measure = lock_measure(measure_id)
    move(case, measure, "overturn", actor=actor, reason=required(reason), by=actor, at=clock.now())
    undone = effects.undo_all(case, measure, actor=actor, reason=reason)
    _lift_linked(measure, undone, actor=actor, reason=reason)
    letters.send(
        case,
        LetterKind.APOLOGY,
        actor=actor,
        measure=measure,
        why=reason,
        undone=[said(measure), *(_line(each) for each in undone)],
    )
    return measure


def _lift_linked(measure: Measure, undone: Collection[MeasureEffect], *, actor: User, reason: str) -> None:
    entries = [each.entry_id for each in undone if each.entry_id is not None]
    linked = BlacklistEntry.objects.filter(linked_to__in=entries, ended_at__isnull=True)
    for pk in sorted(set(linked.exclude(measure=measure).values_list("measure_id", flat=True))):
        case, other = lock_measure(pk)
        end(case, other, "lift", actor=actor, reason=reason)


def _line(effect: MeasureEffect) -> str:
    with translation.override("en"):
        text = str(words.EFFECTS[effect.kind])
        owed = effect.receivable or effect.booking
        if effect.amount_cents is not None and owed is not None:
            text += f": {format_cents(effect.amount_cents, owed.currency, 'en')}"
        if effect.kind == MeasureEffect.Kind.NOT_PAID and effect.undoes_id is not None and not effect.said:
            text += f" ({translation.gettext('it stays ended; write to us about what you lost by it')})"
    return text
