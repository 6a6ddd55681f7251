"""State machines: every state is where its log says, and the log is a chain of allowed steps."""

from typing import Any

from accounts.models import Consent, Employer
from catalogue.models import Accreditation, Award, MicroCredential, Session
from funding.audit.checks import Group, SqlCheck
from funding.models import Booking, Claim, PaymentBatch, Receivable, SchemeDraft, TopUp, TopUpRefund
from ila.core import fsm

# Which invariant rests on a machine's states.
MACHINES: dict[type[fsm.Machine], int] = {
    Booking: 8,
    Consent: 8,
    Claim: 7,
    PaymentBatch: 7,
    Receivable: 7,
    SchemeDraft: 8,
    Employer: 8,
    TopUp: 10,
    TopUpRefund: 10,
    Session: 9,
    MicroCredential: 9,
    Accreditation: 9,
    Award: 9,
}
# What an import brings is in the state that the register gives it.
BEGINS_ANYWHERE: tuple[type[fsm.Machine], ...] = (Session, MicroCredential, Accreditation)

_SQL = """
    WITH allowed (source, target) AS (VALUES {allowed}),
    steps AS (
        SELECT subject_id, id, transition, source, target,
               lag(target) OVER history AS before, lead(id) OVER history IS NULL AS newest
          FROM {log} WINDOW history AS (PARTITION BY subject_id ORDER BY id)
    )
    SELECT '{noun}_log_broken', '{noun}:' || subject_id,
           format('%s from %s, but it was %s', transition, source, before)
      FROM steps WHERE source <> coalesce(before, '')
     UNION ALL
    SELECT '{noun}_step_impossible', '{noun}:' || subject_id,
           format('%s from %s to %s', transition, source, target)
      FROM steps
     WHERE NOT ((source, target) IN (SELECT allowed.source, allowed.target FROM allowed)
                OR (source = target AND source <> '' AND NOT transition = ANY (ARRAY[{transitions}])))
     UNION ALL
    SELECT '{noun}_state_moved', '{noun}:' || subject.id,
           format('is %s, its log says %s', subject.state, coalesce(steps.target, 'nothing'))
      FROM {table} AS subject LEFT JOIN steps ON steps.subject_id = subject.id AND steps.newest
     WHERE subject.state IS DISTINCT FROM steps.target
"""


def allowed_steps(model: type[fsm.Machine]) -> set[tuple[str, str]]:
    """Every (source, target) of a machine; the source of a beginning is ""."""
    field: Any = fsm.machine_field(model)
    steps: set[tuple[str, str]] = set()
    for step in field.get_all_transitions(model):
        targets = getattr(step.target, "allowed_states", None) or [step.target]
        steps |= {(str(step.source), str(target)) for target in targets}
    beginnings = {str(field.default)}
    if model in BEGINS_ANYWHERE:
        beginnings |= {state for step in steps for state in step}
    return steps | {("", state) for state in beginnings}


def log_check(model: type[fsm.Machine], invariant: int) -> SqlCheck:
    """Whether every row of a machine is where its log says, and its log a chain of allowed steps."""
    noun = str(model._meta.model_name)

    def sql() -> str:
        return _SQL.format(
            allowed=", ".join(f"('{source}', '{target}')" for source, target in sorted(allowed_steps(model))),
            transitions=", ".join(f"'{name}'" for name in sorted(fsm.transitions_of(model))),
            log=model.log_model._meta.db_table,
            table=model._meta.db_table,
            noun=noun,
        )

    codes = ("log_broken", "step_impossible", "state_moved")
    return SqlCheck(f"log of each {noun}", {f"{noun}_{code}": invariant for code in codes}, sql)


GROUP = Group(checks=[log_check(model, invariant) for model, invariant in MACHINES.items()])
