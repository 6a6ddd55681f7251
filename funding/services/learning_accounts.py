"""Opening a learning account: by the citizen, in a scheme whose conditions they fulfil."""

from django.db import transaction

from accounts.models import Citizen, User
from accounts.services import messages
from funding.models import LearningAccount, Scheme, version_on
from funding.schemes import planning
from funding.services.bookings.context import calendar_of, facts_of_learner
from ila.core import clock
from ila.core.errors import DomainError


@transaction.atomic
def open_account(*, actor: User, scheme_id: int) -> LearningAccount:
    """Open the citizen's own account in a scheme; where there is one already, that one. No money moves.

    Credits follow by the scheme's own jobs. Locks: the citizen.
    Raises: DomainError `not_found` for an unknown scheme, and for a user who is no known citizen (404);
    `not_bookable` where the scheme has no rules today; `not_eligible` (N-02, S-01).
    """
    citizen = Citizen.objects.select_for_update(no_key=True).filter(user_id=actor.pk).first()
    if citizen is None or actor.is_service or not actor.is_active:
        raise DomainError("not_found", status=404, kind="citizen")
    earlier = LearningAccount.objects.filter(citizen=citizen, scheme_id=scheme_id).first()
    if earlier is not None:
        return earlier
    scheme = Scheme.objects.filter(pk=scheme_id).first()
    if scheme is None:
        raise DomainError("not_found", status=404, kind="scheme")
    day = calendar_of(scheme).local_date(clock.now())
    planning.check_eligible(version_on(scheme, day).parsed, facts_of_learner(citizen), day)
    account = LearningAccount.objects.create(citizen=citizen, scheme=scheme, opened_at=clock.now())
    messages.queue(
        recipient=actor, template="account_opened", scheme=scheme.name, account=str(account.public_id)
    )
    return account
