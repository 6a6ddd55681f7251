"""Employees named by the number of their pay slip: told by the learner, proved by birth date, never looked up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Citizen, Employer
from funding.models import PayrollNumber, TopUpLine
from funding.services import top_ups
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.top_ups.support import Firm, check_books
from tests.funding.top_ups.test_lists import code_of, faults_of, hand_in
from tests.support.queries import captured_queries
from tests.support.world import MONDAY, Learner

pytestmark = pytest.mark.django_db
HEAD = "payroll_number;birth_date;amount\n"


@pytest.fixture
def firm() -> Iterator[Firm]:
    with clock.at(MONDAY):
        yield Firm()
        check_books()


def number_of(firm: Firm) -> str:
    return Employer.objects.get(organisation=firm.organisation).number


def give(firm: Firm, learner: Learner, number: str) -> PayrollNumber:
    return top_ups.give_payroll_number(
        actor=learner.user,
        account_id=learner.account.pk,
        employer_number=number_of(firm),
        number=number,
        sign_in=learner.sign_in,
    )


def row(learner: Learner, number: str, cents: str = "300") -> str:
    return f"{number};{learner.citizen.birth_date.isoformat()};{cents}\n"


def test_a_list_by_payroll_is_ordered_for_those_who_told_their_number(firm: Firm) -> None:
    first, second = firm.employees
    given = give(firm, first, "a 1042-7")
    assert "1042" not in given.digest
    assert given.ending == "27"
    content = HEAD + row(first, "A10427", "1200,50") + row(second, "A10428")
    draft = hand_in(firm, content.encode())
    assert (draft.matched, draft.total_cents, draft.unmatched) == (1, 120_050, 1)
    # Who never told, and who has no account at all, are named alike.
    assert faults_of(draft) == {3: "not_matched"}
    top_ups.confirm_draft(actor=firm.manager, public_id=draft.public_id)
    assert top_ups.order_draft(draft_id=draft.pk).top_up is not None
    line = TopUpLine.objects.get()
    assert (line.account_id, line.matched_by) == (first.account.pk, "payroll")


def test_the_number_alone_is_not_enough(firm: Firm) -> None:
    thief, owner = firm.employees
    Citizen.objects.filter(pk=thief.citizen.pk).update(birth_date="1971-01-01")
    give(firm, thief, "10427")
    draft = hand_in(firm, (HEAD + row(owner, "10427")).encode())
    assert (draft.matched, faults_of(draft)) == (0, {2: "not_matched"})


def test_two_who_tell_the_same_are_not_told_apart(firm: Firm) -> None:
    first, second = firm.employees
    Citizen.objects.filter(pk=second.citizen.pk).update(birth_date=first.citizen.birth_date)
    for learner in (first, second):
        give(firm, learner, "10427")
    draft = hand_in(firm, (HEAD + row(first, "10427")).encode())
    assert (draft.matched, faults_of(draft)) == (0, {2: "not_matched"})


def test_another_employer_another_scheme_and_a_number_taken_back_match_nobody(firm: Firm) -> None:
    first, _second = firm.employees
    other = Firm(world=firm.world)
    given = give(firm, first, "10427")
    content = (HEAD + row(first, "10427")).encode()
    assert hand_in(other, content).matched == 0
    assert hand_in(firm, content).matched == 1
    assert top_ups.revoke_payroll_number(actor=first.user, account_id=first.account.pk, number_id=given.pk)
    # The same list within the minute would be the draft that is there.
    with clock.at(MONDAY + timedelta(minutes=2)):
        assert hand_in(firm, content).matched == 0


def test_the_draft_that_is_there_is_matched_afresh_when_it_is_ordered(firm: Firm) -> None:
    """Handed in twice within the minute it is the earlier, checked draft: what was taken back since is not ordered."""
    first, second = firm.employees
    given = give(firm, first, "10427")
    content = (HEAD + row(first, "10427") + row(second, "10428")).encode()
    draft = hand_in(firm, content)
    assert (draft.matched, draft.total_cents) == (1, 30_000)
    assert top_ups.revoke_payroll_number(actor=first.user, account_id=first.account.pk, number_id=given.pk)
    assert hand_in(firm, content) == draft
    give(firm, second, "10428")
    top_ups.confirm_draft(actor=firm.manager, public_id=draft.public_id)
    # As many employees and as much money as was shown, but for somebody else: it is shown again.
    draft = top_ups.order_draft(draft_id=draft.pk)
    assert (draft.stage, draft.refusal, draft.matched, draft.total_cents) == (
        "checked",
        "changed_since",
        1,
        30_000,
    )
    assert faults_of(draft) == {2: "not_matched"}
    assert not TopUpLine.objects.exists()
    top_ups.confirm_draft(actor=firm.manager, public_id=draft.public_id)
    assert top_ups.order_draft(draft_id=draft.pk).top_up is not None
    assert TopUpLine.objects.get().account_id == second.account.pk


def test_what_is_refused_when_a_number_is_given(firm: Firm) -> None:
    first, second = firm.employees
    good: dict[str, Any] = {
        "account_id": first.account.pk,
        "employer_number": number_of(firm),
        "number": "10427",
    }
    for code, changed in (
        ("sign_in_too_old", {"sign_in": None}),
        ("sign_in_too_old", {"sign_in": second.sign_in}),
        ("not_found", {"account_id": second.account.pk}),
        ("unknown_employer", {"employer_number": "00000000000000"}),
        ("unknown_employer", {"employer_number": " "}),
        ("bad_payroll_number", {"number": "=1+1"}),
        ("bad_payroll_number", {"number": "1"}),
    ):
        asked: dict[str, Any] = {"actor": first.user, "sign_in": first.sign_in, **good, **changed}
        with pytest.raises(DomainError, match=code):
            top_ups.give_payroll_number(**asked)
    for number in range(5):
        give(firm, first, f"1042{number}")
    assert PayrollNumber.objects.filter(revoked_at__isnull=True).count() == 1
    with pytest.raises(DomainError, match="too_many_numbers"):
        give(firm, first, "10499")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("10427;31.12.1990;300", "bad_payroll"),
        ("=A1;1990-12-31;300", "formula"),
        ("10427;1990-12-31;-300", "negative_amount"),
        ("10427;1990-12-31;=1+1", "formula"),
        ("é;1990-12-31;300", "bad_payroll"),
    ],
)
def test_hostile_rows_are_named_and_order_nothing(firm: Firm, line: str, code: str) -> None:
    draft = hand_in(firm, (HEAD + line + "\n").encode())
    assert (draft.matched, faults_of(draft)) == (0, {2: code})


def test_the_same_employee_by_two_rows_counts_once(firm: Firm) -> None:
    first, _second = firm.employees
    give(firm, first, "10427")
    draft = hand_in(firm, (HEAD + row(first, "10427") + row(first, "1042 7", "50")).encode())
    assert (draft.matched, faults_of(draft)) == (1, {3: "same_employee_twice"})


def test_a_list_has_one_of_the_two_headers(firm: Firm) -> None:
    code = code_of(firm.employees[0])
    assert hand_in(firm, f"reference;amount\n{code};300\n".encode()).matched == 1
    assert hand_in(firm, b"payroll_number;amount\n10427;300\n").refusal == "not_csv"


def test_queries_do_not_grow_with_the_rows(firm: Firm) -> None:
    counts = []
    for rows in (10, 20):
        content = HEAD + "".join(f"9{n:05d};1990-12-31;300\n" for n in range(rows))
        with captured_queries() as queries:
            hand_in(firm, content.encode())
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_a_list_of_200_000_rows_is_read_and_one_more_is_refused(firm: Firm) -> None:
    first, _second = firm.employees
    give(firm, first, "10427")
    rows = row(first, "10427") + "".join(f"9{n:06d};1990-12-31;300\n" for n in range(199_999))
    draft = hand_in(firm, (HEAD + rows).encode())
    assert (draft.rows, draft.matched, draft.unmatched) == (200_000, 1, 199_999)
    assert (
        hand_in(Firm(world=firm.world), (HEAD + rows + "1;1990-12-31;3\n").encode()).refusal
        == "too_many_rows"
    )
    assert not TopUpLine.objects.exists()
