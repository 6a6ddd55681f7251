"""The bank account to which a learner's own money comes back: entered by its owner alone, under a strong sign-in."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from accounts.models import Citizen, NotMeKind, SignIn, User
from accounts.services import consents, messages
from funding.banking.identifiers import normalise_iban
from funding.models import RefundAccount
from ila.core import clock
from ila.core.errors import DomainError

MAX_HOLDER = 70


def account_of(user: User) -> RefundAccount | None:
    """The account in force."""
    return RefundAccount.objects.filter(citizen__user_id=user.pk, ended_at__isnull=True).first()


@transaction.atomic
def set_account(*, actor: User, sign_in: SignIn | None, iban: str, holder: str) -> RefundAccount:
    """Enter the account for refunds in place of the one before; its owner is told, and may say that it was not them.

    Locks: the citizen. Raises: DomainError `not_found` for who is no citizen, `sign_in_too_old` without a fresh strong
    sign-in of their own, `bad_iban`, `incomplete` without a holder.
    """
    citizen = Citizen.objects.select_for_update(no_key=True).filter(user_id=actor.pk).first()
    if citizen is None:
        raise DomainError("not_found", status=404, kind="citizen")
    if sign_in is None or sign_in.user_id != actor.pk or consents.needs_strong_sign_in(sign_in):
        raise DomainError("sign_in_too_old", status=403, minutes=settings.CONSENT_SIGN_IN_MINUTES)
    try:
        account = normalise_iban(iban)
    except ValueError as error:
        raise DomainError("bad_iban", status=422) from error
    if not holder.strip() or len(holder) > MAX_HOLDER:
        raise DomainError("incomplete", status=422, what="holder")
    before = RefundAccount.objects.filter(citizen=citizen, ended_at__isnull=True).first()
    if before is not None and (before.iban, before.holder) == (account, holder.strip()):
        return before
    now = clock.now()
    if before is not None:
        before.ended_at = now
        before.save(update_fields=["ended_at"])
    made = RefundAccount.objects.create(
        citizen=citizen, iban=account, holder=holder.strip(), entered_at=now, entered_under=sign_in
    )
    messages.queue(
        recipient=actor,
        template="refund_account_changed",
        ending=account[-4:],
        **messages.not_me(NotMeKind.CONTACT),
    )
    return made


def masked(iban: str) -> str:
    """An account as it is shown: its country and its last four signs."""
    return f"{iban[:2]}•• •••• {iban[-4:]}"
