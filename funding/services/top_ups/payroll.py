"""Payroll numbers by which learners let an employer add to their accounts: told by the learner, never looked up."""

import re
from collections.abc import Sequence
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction

from accounts.identity import indexes
from accounts.models import Employer, EmployerState, Organisation, SignIn, User
from accounts.services import consents
from funding.models import PayrollNumber, Scheme
from funding.services.top_ups.references import own_account
from ila.core import clock
from ila.core.errors import DomainError

KIND = "payroll"
# Who tries other people's numbers does not get far.
TRIES, TRIES_IN = 5, timedelta(days=30)
_NUMBER = re.compile(r"[0-9A-Z]{3,30}", re.ASCII)
_AT_ONCE = 5_000


def read_number(text: str) -> str | None:
    """A payroll number as it is compared: capitals and digits; None for what cannot be one."""
    number = re.sub(r"[\s./-]", "", text).upper()
    return number if _NUMBER.fullmatch(number) else None


def give_payroll_number(
    *, actor: User, account_id: int, employer_number: str, number: str, sign_in: SignIn | None
) -> PayrollNumber:
    """A learner lets a verified employer add to their own account by the number of their pay slip.

    employer_number: the employer's number in the national register. A number given before is replaced.
    Locks: the learning account. Raises: DomainError `not_found` (404) for somebody else's account, `sign_in_too_old`
    without a fresh strong sign-in of their own, `unknown_employer`, `bad_payroll_number`, `too_many_numbers` (429).
    """
    if sign_in is None or sign_in.user_id != actor.pk or consents.needs_strong_sign_in(sign_in):
        raise DomainError("sign_in_too_old", status=403, minutes=settings.CONSENT_SIGN_IN_MINUTES)
    read = read_number(number)
    if read is None:
        raise DomainError("bad_payroll_number", status=422, what="number")
    with transaction.atomic():
        account = own_account(actor, account_id)
        lately = PayrollNumber.objects.filter(
            account__citizen=account.citizen_id, given_at__gt=clock.now() - TRIES_IN
        )
        if lately.count() >= TRIES:
            raise DomainError("too_many_numbers", status=429)
        compact = "".join(employer_number.split())
        employer = Employer.objects.filter(number=compact, state=EmployerState.VERIFIED).first()
        if employer is None or not compact:
            raise DomainError("unknown_employer", status=422, what="employer_number")
        standing = PayrollNumber.objects.filter(
            account=account, organisation=employer.organisation_id, revoked_at__isnull=True
        )
        standing.update(revoked_at=clock.now())
        return PayrollNumber.objects.create(
            account=account,
            organisation_id=employer.organisation_id,
            digest=indexes.index_of(KIND, _said(employer.organisation_id, read)),
            ending=read[-2:],
            given_under=sign_in,
            given_at=clock.now(),
        )


def revoke_payroll_number(*, actor: User, account_id: int, number_id: int) -> bool:
    """Take a number back: from now on nothing is matched by it. Returns whether it stood. Raises: as giving."""
    with transaction.atomic():
        account = own_account(actor, account_id)
        standing = PayrollNumber.objects.filter(account=account, pk=number_id, revoked_at__isnull=True)
        return bool(standing.update(revoked_at=clock.now()))


class ByPayroll:
    """The number of the employer's payroll with the birth date: both as the learner told and proved them.

    Nobody is matched who has not told the number to us; two who told the same are not told apart, and not matched.
    """

    name = "payroll"

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation.pk

    def read(self, text: str) -> str | None:
        """`number date`, as `read_list` puts the two columns together."""
        number, _, day = text.rpartition(" ")
        read = read_number(number)
        try:
            born = date.fromisoformat(day)
        except ValueError:
            return None
        return f"{read} {born.isoformat()}" if read else None

    def match(self, *, scheme: Scheme, values: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(values), _AT_ONCE):
            found |= self._match(scheme, values[start : start + _AT_ONCE])
        return found

    def _match(self, scheme: Scheme, values: Sequence[str]) -> dict[str, int]:
        wanted: dict[tuple[str, str], str] = {}
        for value in values:
            number, _, day = value.rpartition(" ")
            for digest in indexes.candidates_of(KIND, _said(self._organisation, number)):
                wanted[digest, day] = value
        standing = PayrollNumber.objects.filter(
            digest__in={digest for digest, _day in wanted},
            organisation=self._organisation,
            account__scheme=scheme,
            revoked_at__isnull=True,
        )
        accounts: dict[str, set[int]] = {}
        for digest, born, account in standing.values_list(
            "digest", "account__citizen__birth_date", "account"
        ):
            told = wanted.get((digest, born.isoformat()))
            if told is not None:
                accounts.setdefault(told, set()).add(account)
        return {value: min(ids) for value, ids in accounts.items() if len(ids) == 1}


def _said(organisation_id: int, number: str) -> str:
    return f"{organisation_id} {number}"
