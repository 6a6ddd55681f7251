"""State machines: one way to move a state, with permission, guards, validation and a typed log row.

Built on django-fsm-2. A transition body sets fields of its own object only. Side effects belong to
the service that calls `apply`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, cast

import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connections, models
from django_fsm import ConcurrentTransitionMixin, FSMFieldMixin, TransitionNotAllowed

from ila.core import clock, locks
from ila.core.errors import DomainError
from ila.core.models import READ_WRITE, AppendOnlyModel, CurrentTransaction, append_only_triggers

MAX_REASON = 500


class TransitionLog(AppendOnlyModel):
    """One row for each state change: who, when, from what, to what, why. Subclasses add the typed `subject`."""

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    transition = models.CharField(max_length=50)
    source = models.CharField(max_length=50, blank=True)
    target = models.CharField(max_length=50)
    reason = models.CharField(max_length=MAX_REASON, blank=True)
    data = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()
    transaction_id = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    class Meta(AppendOnlyModel.Meta):
        abstract = True
        triggers: ClassVar[list[Any]] = append_only_triggers()

    def __str__(self) -> str:
        return f"{self.source or '·'} → {self.target}"


def state_guard(log_table: str) -> pgtrigger.Trigger:
    """A trigger that refuses a changed state unless this transaction wrote that change's log row."""
    return pgtrigger.Trigger(
        name="state_is_logged",
        operation=pgtrigger.UpdateOf("state"),
        when=pgtrigger.Before,
        condition=pgtrigger.Q(old__state__df=pgtrigger.F("new__state")),
        func=pgtrigger.Func(
            f"""
            IF NOT EXISTS (
                SELECT 1 FROM {log_table} AS log
                WHERE log.subject_id = NEW.id AND log.source = OLD.state AND log.target = NEW.state
                  AND log.transaction_id = pg_current_xact_id()::text::bigint
            ) THEN
                RAISE EXCEPTION 'state of % % moved from % to % without its log row',
                    TG_TABLE_NAME, NEW.id, OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
            """
        ),
    )


class Machine(ConcurrentTransitionMixin, models.Model):
    """A model with a protected `state` that only `apply` moves."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = READ_WRITE
    log_model: ClassVar[type[TransitionLog]]

    class Meta:
        abstract = True

    state: Any


def machine_field(model: type[Machine]) -> FSMFieldMixin:
    """The FSM field of a machine."""
    field: object = cast("Any", model)._meta.get_field("state")
    assert isinstance(field, FSMFieldMixin)
    return field


def transitions_of(model: type[Machine]) -> dict[str, Any]:
    """All transitions of a machine by name."""
    return dict(machine_field(model).transitions[model])


def move(obj: Machine, transition: str, *, actor: Any, reason: str = "", **kwargs: Any) -> TransitionLog:
    """Make the transition on a locked object and return its unsaved log row; nothing is written.

    For services that send their writes in one round trip; all others call `apply`.
    Raises: RuntimeError for a row not locked here; DomainError `not_allowed` when the machine, a guard
    or the permission says no; DomainError `invalid` when the object breaks one of its own rules.
    """
    locks.require([obj])
    source = obj.state
    method = transitions_of(type(obj)).get(transition)
    if method is None:
        raise ValueError(f"{type(obj).__name__} has no transition {transition!r}")
    found = method._django_fsm.get_transition(source)
    if found is not None and not found.has_perm(obj, actor):
        raise DomainError("not_allowed", status=403, transition=transition, state=source)
    try:
        getattr(obj, transition)(**kwargs)
    except TransitionNotAllowed:
        raise DomainError("not_allowed", transition=transition, state=source) from None
    return log_row(obj, transition, source=source, actor=actor, reason=reason)


def log_row(
    obj: Machine,
    transition: str,
    *,
    source: str,
    actor: Any,
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> TransitionLog:
    """The log row of a change of `obj` from `source` to its present state, unsaved."""
    log_model: Any = type(obj).log_model
    row: TransitionLog = log_model(
        subject=obj,
        actor=actor,
        transition=transition,
        source=source,
        target=obj.state,
        reason=reason[:MAX_REASON],
        data=data or {},
        at=clock.now(),
    )
    return row


def apply(
    obj: Machine,
    transition: str,
    *,
    actor: Any,
    reason: str = "",
    **kwargs: Any,
) -> TransitionLog:
    """Move a locked object's state: permission, transition, validation, log row, save, in one transaction.

    kwargs go to the transition. Returns the log row.
    Raises: as `move`; ConcurrentTransition for a stale object.
    """
    row = move(obj, transition, actor=actor, reason=reason, **kwargs)
    validate(obj)
    row.save(force_insert=True)
    obj.save()
    return row


def apply_set(
    objs: Sequence[Machine],
    transition: str,
    *,
    actor: Any,
    fields: Mapping[str, Any],
    reason: str = "",
    data: Callable[[Any], dict[str, Any]] | None = None,
    **kwargs: Any,
) -> None:
    """Make one transition on many locked objects of a model: their log rows, then state and fields at once.

    fields: what the transition writes beside the state, the same value or expression for every row.
    data: what the log row of each keeps. kwargs go to the transition.
    Raises: as `move`; RuntimeError when a row is no longer as it was read.
    """
    if not objs:
        return
    steps: dict[tuple[str, str], list[int]] = {}
    rows = []
    for obj in objs:
        kept, source = (data(obj) if data is not None else {}), obj.state
        row = move(obj, transition, actor=actor, reason=reason, **kwargs)
        row.data = kept
        rows.append(row)
        steps.setdefault((source, obj.state), []).append(obj.pk)
    model = type(objs[0])
    bulk_log(rows, model=model.log_model)
    for (source, target), ids in steps.items():
        moved = set_states(ids, model=model, source=source, target=target, **fields)
        if moved != len(ids):
            raise RuntimeError(f"{len(ids)} rows were to move from {source} to {target}, {moved} did")


def start(obj: Machine, *, actor: Any, reason: str = "", transition: str = "create") -> TransitionLog:
    """Save a new object in the state it holds, with the first row of its log (source "")."""
    validate(obj)
    obj.save(force_insert=True)
    locks.mark_locked(obj)
    row = log_row(obj, transition, source="", actor=actor, reason=reason)
    row.save(force_insert=True)
    return row


def validate(obj: Machine) -> None:
    """Check the object's own rules. Constraints that mention `state` are checked too.

    Foreign keys and uniqueness are left to the database, which knows them without a query more.
    Raises: DomainError `invalid` with the fields at fault.
    """
    skipped = {
        field.name
        for field in obj._meta.concrete_fields
        if field.is_relation or isinstance(field, FSMFieldMixin)
    }
    try:
        obj.clean_fields(exclude=skipped)
        obj.clean()
        _check_constraints(obj)
    except ValidationError as error:
        raise DomainError("invalid", kind=obj._meta.model_name, faults="; ".join(error.messages)) from error


def _check_constraints(obj: Machine) -> None:
    """Ask the database one question about all check constraints; only a no is asked again, one by one."""
    using = obj._state.db or "default"
    checks = [each for each in obj._meta.constraints if isinstance(each, models.CheckConstraint)]
    if not checks:
        return
    values = obj._get_field_expression_map(meta=obj._meta)  # type: ignore[attr-defined]
    if models.Q(*(each.condition for each in checks)).check(values, using=using):
        return
    for constraint in checks:
        constraint.validate(type(obj), obj, using=using)


def bulk_log(rows: Iterable[TransitionLog], *, model: type[TransitionLog], batch_size: int = 2000) -> int:
    """Write many log rows at once, before the bulk change of their objects. Returns how many."""
    return len(model._default_manager.bulk_create(rows, batch_size=batch_size))


def set_states(ids: Iterable[int], *, model: type[Machine], source: str, target: str, **fields: Any) -> int:
    """Move many rows of `model` at once whose log rows this transaction has written (the trigger checks it).

    The pair must be a transition of the machine. Returns how many rows moved.
    """
    field = machine_field(model)
    if not any(one.source == source and one.target == target for one in field.get_all_transitions(model)):
        raise ValueError(f"{model.__name__} has no transition from {source} to {target}")
    queryset: Any = cast("Any", model)._base_manager.filter(pk__in=list(ids), state=source)
    if not connections[queryset.db].in_atomic_block:
        raise RuntimeError("states move inside a transaction only")
    return int(queryset.update(state=target, **fields))
