"""Lists of employees: references, hostile files, a dry run, and an order as it was shown."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from openpyxl import Workbook

from funding.models import TopUpDraft, TopUpLine, TopUpReference
from funding.services import top_ups
from funding.services.top_ups import drafts, orders
from funding.services.top_ups.references import new_code, read_code
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.top_ups.support import Firm, check_books
from tests.support.queries import captured_queries
from tests.support.world import MONDAY, Learner

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Iterator[Firm]:
    with clock.at(MONDAY):
        yield Firm()
        check_books()


def code_of(learner: Learner) -> str:
    return top_ups.give_reference(actor=learner.user, account_id=learner.account.pk).code


def hand_in(firm: Firm, content: bytes, *, kind: str = "voluntary") -> TopUpDraft:
    draft = top_ups.request_draft(
        actor=firm.manager,
        organisation=firm.organisation,
        scheme=firm.world.scheme,
        kind=kind,
        earmark="",
        ends_on=None,
        name="list.csv",
        content=content,
    )
    return top_ups.check_draft(draft_id=draft.pk)


def faults_of(draft: TopUpDraft) -> dict[int, str]:
    rows = [line.split(",") for line in draft.faults.lstrip("\ufeff").splitlines()[1:]]
    return {int(line): code for line, code in rows}


def test_a_reference_is_the_learners_own_and_is_taken_back() -> None:
    with clock.at(MONDAY):
        firm = Firm()
    learner, other = firm.employees
    code = code_of(learner)
    assert code_of(learner) == code
    for act in (top_ups.give_reference, top_ups.revoke_reference):
        with pytest.raises(DomainError, match="not_found"):
            act(actor=other.user, account_id=learner.account.pk)
    assert top_ups.revoke_reference(actor=learner.user, account_id=learner.account.pk)
    assert not top_ups.revoke_reference(actor=learner.user, account_id=learner.account.pk)
    assert code_of(learner) != code
    assert TopUpReference.objects.count() == 2


def test_a_slip_of_the_keyboard_is_no_code() -> None:
    code = new_code()
    assert read_code(f" {code[:4]}-{code[4:8].lower()}-{code[8:]}") == code
    swapped = code[1] + code[0] + code[2:]
    assert read_code(swapped) in (None, code)
    for wrong in ("", "RF18", code[:-1], code + "1", "=" + code[1:], code[:8] + "٣٤"):
        assert read_code(wrong) is None


def test_a_list_is_tried_then_ordered_as_it_was_shown(firm: Firm) -> None:
    first, second = (code_of(each) for each in firm.employees)
    draft = hand_in(firm, f"reference;amount;currency\n{first};1200,50;EUR\n{second};300;\n".encode())
    assert (draft.stage, draft.rows, draft.matched, draft.total_cents) == ("checked", 2, 2, 150_050)
    assert not TopUpLine.objects.exists()
    top_ups.confirm_draft(actor=firm.manager, public_id=draft.public_id)
    with pytest.raises(DomainError, match="not_checked"):
        top_ups.confirm_draft(actor=firm.manager, public_id=draft.public_id)
    draft = top_ups.order_draft(draft_id=draft.pk)
    again = top_ups.order_draft(draft_id=draft.pk)
    order = draft.top_up
    assert order is not None
    assert again.top_up_id == order.pk
    assert (order.total_cents, order.line_count, order.state) == (150_050, 2, "pending")
    firm.pay(order)
    assert order.state == "allocated"


def test_every_bad_row_is_named_and_left_out(firm: Firm) -> None:
    good, other = (code_of(each) for each in firm.employees)
    rows = [
        (good, "100"),
        (good, "50"),
        ("", "100"),
        ("=HYPERLINK(1)", "100"),
        (other, "-100"),
        (other, "=1+1"),
        (other, "1 000"),
        (other, "1,000.00"),
        (other, "0"),
        (other, "999999999"),
        (new_code(), "100"),
    ]
    text = "reference,amount\n" + "".join(f'"{code}","{amount}"\n' for code, amount in rows)
    draft = hand_in(firm, text.encode())
    assert faults_of(draft) == {
        3: "same_employee_twice",
        4: "bad_reference",
        5: "formula",
        6: "negative_amount",
        7: "formula",
        8: "bad_amount",
        9: "bad_amount",
        10: "bad_amount",
        11: "amount_too_large",
        12: "not_matched",
    }
    assert (draft.matched, draft.unmatched, draft.faulty, draft.total_cents) == (1, 1, 9, 10_000)
    foreign = hand_in(firm, f"reference,amount,currency\n{good},100,USD\n".encode())
    assert faults_of(foreign) == {2: "other_currency"}
    with pytest.raises(DomainError, match="nothing_to_order"):
        top_ups.confirm_draft(actor=firm.manager, public_id=foreign.public_id)


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"reference,amount\n\xe9,1\n", "wrong_encoding"),
        ("reference,amount\nA,1\n".encode("utf-16"), "not_csv"),
        (b"name,amount\nA,1\n", "not_csv"),
        (b'reference,amount\n"A,1\n', "not_csv"),
        (b"reference,amount\nA,1,2\n", "not_csv"),
        (b"  \n ", "file_empty"),
        (b"PK\x03\x04 no workbook", "not_xlsx"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(firm: Firm, content: bytes, refusal: str) -> None:
    draft = hand_in(firm, content)
    assert (draft.stage, draft.refusal, draft.matched) == ("checked", refusal, 0)


def test_a_workbook_is_read_and_its_formulas_are_not_run(firm: Firm) -> None:
    code = code_of(firm.employees[0])
    assert hand_in(firm, workbook([code, 120.5])).total_cents == 12_050
    assert hand_in(firm, workbook([code, "=1+1"])).refusal == "formula"


def workbook(row: list[object]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["reference", "amount"])
    sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_a_reference_taken_back_meanwhile_is_shown_again(firm: Firm) -> None:
    first, second = (code_of(each) for each in firm.employees)
    draft = hand_in(firm, f"reference,amount\n{first},100\n{second},100\n".encode())
    top_ups.confirm_draft(actor=firm.manager, public_id=draft.public_id)
    learner = firm.employees[0]
    top_ups.revoke_reference(actor=learner.user, account_id=learner.account.pk)
    draft = top_ups.order_draft(draft_id=draft.pk)
    assert (draft.stage, draft.refusal, draft.matched, draft.top_up) == ("checked", "changed_since", 1, None)


def test_who_tries_codes_is_stopped(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "UNMATCHED_A_DAY", 3)
    guesses = "".join(f"{new_code()},100\n" for _ in range(3))
    hand_in(firm, f"reference,amount\n{guesses}".encode())
    with pytest.raises(DomainError, match="too_many_lists"):
        hand_in(firm, f"reference,amount\n{guesses}".encode())


def test_only_so_many_rows(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MAX_LINES", 2)
    draft = hand_in(firm, ("reference,amount\n" + "A,1\n" * 3).encode())
    assert draft.refusal == "too_many_rows"
    assert orders.MAX_LINES == 200_000


def test_members_prepare_and_managers_order(firm: Firm) -> None:
    code = code_of(firm.employees[0])
    stranger = firm.employees[0].user
    draft = hand_in(firm, f"reference,amount\n{code},100\n".encode())
    for act in (top_ups.confirm_draft, top_ups.discard_draft):
        with pytest.raises(DomainError, match="not_allowed"):
            act(actor=stranger, public_id=draft.public_id)
    assert top_ups.discard_draft(actor=firm.manager, public_id=draft.public_id).stage == "discarded"


def test_the_work_does_not_grow_with_the_rows(firm: Firm) -> None:
    def rows(number: int) -> bytes:
        learners = [firm.world.make_learner(rights_cents=0) for _ in range(number)]
        return ("reference,amount\n" + "".join(f"{code_of(each)},1\n" for each in learners)).encode()

    counts = []
    for number in (3, 6):
        content = rows(number)
        with captured_queries() as queries:
            draft = hand_in(firm, content)
            top_ups.confirm_draft(actor=firm.manager, public_id=draft.public_id)
            order = top_ups.order_draft(draft_id=draft.pk).top_up
            assert order is not None
            firm.pay(order)
        counts.append(len(queries))
    assert counts[0] == counts[1]
