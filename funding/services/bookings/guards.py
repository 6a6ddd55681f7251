"""What must be true before a learner is bound or a training begins."""

from datetime import datetime

from catalogue.models import CredentialState, MicroCredential, Provider, Session, SessionState
from catalogue.selectors import accreditation
from funding.models import LearningAccount, SessionFinding
from funding.schemes import planning
from funding.schemes.rules import SchemeRules
from funding.services.bookings.context import calendar_of, facts_of_credential, facts_of_learner
from ila.core import clock
from ila.core.errors import DomainError

BOOKABLE_SESSION_STATES = (SessionState.OPEN, SessionState.GUARANTEED)
# It does not take place: nobody enters it, nobody is absent from it, nobody owes anything for it.
CALLED_OFF = (SessionState.CANCELLED, SessionState.NEVER_HELD)


def check_session_open(session: Session, credential: MicroCredential, provider: Provider) -> None:
    """Raise DomainError `not_bookable` for a session that takes nobody, or an entry that may not be booked."""
    if credential.state == CredentialState.SUSPENDED:
        raise DomainError("not_accredited", entry=credential.entry)
    if credential.state != CredentialState.REGISTERED:
        raise DomainError("not_bookable", reason=credential.state)
    if session.state not in BOOKABLE_SESSION_STATES:
        raise DomainError("not_bookable", reason=f"session_{session.state}")
    if session.recruitment_closed or session.removed_at is not None:
        raise DomainError("not_bookable", reason="recruitment_closed")
    if session.starts_at is None:
        raise DomainError("not_bookable", reason="no_dates")
    if credential.total_mismatch:
        raise DomainError("not_bookable", reason="total_mismatch")
    if provider.name == "":
        raise DomainError("not_bookable", reason="name_missing")


def check_was_held(session: Session) -> None:
    """Raise DomainError `not_allowed` for a session that never took place: nothing of it is declared or paid."""
    if was_never_held(session):
        raise DomainError("not_allowed", reason="session_never_held", session=session.pk)


def was_never_held(session: Session) -> bool:
    """Whether it was said to run and did not: known at once, or found out after it was said to have been held."""
    if session.state == SessionState.HELD:
        return SessionFinding.objects.filter(session=session).exists()
    return bool(session.state == SessionState.NEVER_HELD)


def check_learner(
    rules: SchemeRules, account: LearningAccount, credential: MicroCredential, session: Session, now: datetime
) -> None:
    """What this learner can never book of this session, whatever money there is: known at the first step.

    Raises: DomainError `not_bookable` (F-17, the day plan), `not_eligible` (F-15, N-02, S-01 and the like).
    """
    calendar = calendar_of(account.scheme)
    facts = facts_of_credential(credential)
    learner = facts_of_learner(account.citizen)
    planning.check_bookable(rules, learner, facts)
    first = None if session.starts_at is None else calendar.local_date(session.starts_at)
    last = None if session.ends_at is None else calendar.local_date(session.ends_at)
    planning.check_day_plan(rules, facts, first, last)
    planning.check_eligible(rules, learner, calendar.local_date(now))


def check_accredited(
    rules: SchemeRules, *, provider: Provider, credential: MicroCredential, moment: datetime
) -> None:
    """Raise DomainError `not_accredited` unless the scheme's regime is satisfied at that moment."""
    if not accreditation.is_accredited(
        provider=provider, credential=credential, moment=moment, regime=rules.accreditation
    ):
        raise DomainError("not_accredited", rule=None, provider=provider.external_id)


def check_may_begin(
    rules: SchemeRules, *, provider: Provider, credential: MicroCredential, starts_at: datetime, now: datetime
) -> None:
    """Raise DomainError `not_accredited` when a training may not begin, or did not begin, accredited.

    It needs the accreditation as it began: at the session's start, or at the entry where a suspension over the
    start has ended meanwhile. While something is suspended no entry is taken, late ones neither.
    """
    regime, began = rules.accreditation, min(now, starts_at)
    # A programme struck off after the grant is still funded (N-14): then only the provider is looked at.
    looked_at = (
        None if rules.keeps_struck_off and regime not in accreditation.CREDENTIAL_REGIMES else credential
    )

    def accredited(moment: datetime) -> bool:
        return accreditation.is_accredited(
            provider=provider, credential=looked_at, moment=moment, regime=regime
        )

    resumed = accredited(now) and accreditation.was_suspended(
        provider=provider, credential=looked_at, moment=began, regime=regime
    )
    suspended = accreditation.is_suspended(provider=provider, credential=looked_at, regime=regime)
    if suspended or not (accredited(began) or resumed):
        raise DomainError("not_accredited", provider=provider.external_id)


def check_account_active(account: LearningAccount) -> None:
    """Raise DomainError `not_eligible` while the account is suspended (F-25)."""
    until = account.suspended_until
    if until is not None and calendar_of(account.scheme).local_date(clock.now()) <= until:
        raise DomainError("not_eligible", rule="F-25", until=until.isoformat())
