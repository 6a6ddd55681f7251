"""The codes by which learners let employers add to their accounts."""

import secrets

from django.db import IntegrityError, transaction
from stdnum.iso7064 import mod_97_10

from accounts.models import User
from funding.models import LearningAccount, TopUpReference
from ila.core import clock, locks
from ila.core.errors import DomainError

# Without 0, O, 1, I, L and U: nobody takes one for another, and no code is a word.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_TRIES = 5


def new_code() -> str:
    """Eight random characters and two check digits (ISO 7064): 6 × 10¹¹ of them, none can be guessed."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return body + str(mod_97_10.calc_check_digits(body))


def read_code(text: str) -> str | None:
    """The code in what somebody typed or copied, or None when it cannot be one: a slip is found without a look."""
    code = "".join(text.split()).replace("-", "").upper()
    if len(code) != LENGTH + 2 or set(code[:LENGTH]) - set(ALPHABET) or not code[LENGTH:].isdecimal():
        return None
    return code if code.isascii() and mod_97_10.is_valid(code) else None


def give_reference(*, actor: User, account_id: int) -> TopUpReference:
    """The code that stands for a learner's own account; made when there is none.

    Locks: the learning account. Raises: DomainError `not_found` (404) for somebody else's account.
    """
    with transaction.atomic():
        account = own_account(actor, account_id)
        standing = account.top_up_references.filter(revoked_at__isnull=True).first()
        if standing is not None:
            return standing
        for _ in range(_TRIES):
            try:
                with transaction.atomic():
                    return TopUpReference.objects.create(account=account, code=new_code())
            except IntegrityError:
                continue
        raise RuntimeError("no free top-up reference was found")


def revoke_reference(*, actor: User, account_id: int) -> bool:
    """Take the code of a learner's own account back: from now on nothing is matched by it.

    What was ordered before stays ordered. Returns whether there was one. Locks and Raises: as `give_reference`.
    """
    with transaction.atomic():
        account = own_account(actor, account_id)
        standing = account.top_up_references.filter(revoked_at__isnull=True)
        return bool(standing.update(revoked_at=clock.now()))


def own_account(actor: User, account_id: int) -> LearningAccount:
    """A learner's own account, locked. Raises: DomainError `not_found` (404) for somebody else's."""
    if not LearningAccount.objects.filter(pk=account_id, citizen__user=actor).exists():
        raise DomainError("not_found", status=404, kind="learningaccount")
    account: LearningAccount
    (account,) = locks.acquire(locks.lock(LearningAccount, account_id))
    return account
