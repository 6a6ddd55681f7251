"""What a place in a session would cost a learner, account by account, before they ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import User
from catalogue.models import Session
from funding.models import LearningAccount, version_on
from funding.schemes import planning
from funding.schemes.facts import SourcePlan
from funding.schemes.rules import SchemeRules
from funding.services.bookings.acceptance import lots_of
from funding.services.bookings.context import calendar_of, facts_of_credential
from funding.services.bookings.history import facts_for
from funding.services.bookings.requests import check_may_ask
from ila.core import clock
from ila.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Way:
    """One account to ask with. plan: who would pay at the published price; refusal: why it cannot be asked with."""

    account: LearningAccount
    rules: SchemeRules | None
    plan: SourcePlan | None
    refusal: DomainError | None

    @property
    def own_cents(self) -> int:
        """What would be left for the learner to pay."""
        return 0 if self.plan is None else self.plan.own_cents


def ways_to_ask(user: User, session: Session) -> Sequence[Way]:
    """Each account of the learner with what it would pay: what costs least first, what cannot be asked with last."""
    accounts = LearningAccount.objects.filter(citizen__user_id=user.pk).select_related("scheme", "citizen")
    return sorted(
        (_way(account, session) for account in accounts),
        key=lambda way: (way.refusal is not None, way.own_cents, way.account.pk),
    )


def _way(account: LearningAccount, session: Session) -> Way:
    rules = None
    now, calendar = clock.now(), calendar_of(account.scheme)
    try:
        rules = version_on(account.scheme, calendar.local_date(now)).parsed
        check_may_ask(rules, account, session)
        plan = planning.plan_sources(
            rules,
            facts_for(rules, account),
            facts_of_credential(session.micro_credential),
            session.price_cents,
            lots_of(account),
            calendar.local_date(now),
        )
    except DomainError as refusal:
        return Way(account, rules, None, refusal)
    return Way(account, rules, plan, None)
