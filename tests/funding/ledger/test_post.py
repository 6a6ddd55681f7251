"""The one way money moves: what `ledger.post` writes, and what it refuses."""

import pytest
from django.db import IntegrityError, transaction

from accounts.services import service_users
from funding.models import Bucket, Fund, JournalEntry, Posting
from funding.services import ledger
from funding.services.ledger import Line
from ila.core.errors import DomainError
from tests.factories.funding import BudgetFactory, LotFactory

pytestmark = pytest.mark.django_db

AVAILABLE, EXPIRED, BUDGET = Bucket.AVAILABLE, Bucket.EXPIRED, Bucket.BUDGET


@pytest.fixture
def lot():
    return LotFactory.create(amount_cents=1000)


def post(lot, lines, *, key="k", kind="expire", **more):
    return ledger.post(
        scheme=lot.account.scheme,
        kind=kind,
        key=key,
        actor=service_users.get("ledger"),
        lines=lines,
        **more,
    )


def expire(lot, cents):
    line = Line(AVAILABLE, lot.fund, cents, lot_id=lot.pk)
    return ledger.transfer(line, AVAILABLE, EXPIRED)


def refused(lot, lines, constraint):
    entries = JournalEntry.objects.count()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        post(lot, lines)
    assert JournalEntry.objects.count() == entries


def test_writes_the_entry_its_postings_and_the_balances(lot):
    posted = post(lot, expire(lot, 400))
    assert posted.created
    rows = Posting.objects.filter(entry_id=posted.entry_id).order_by("pk")
    assert [(row.bucket, row.amount_cents, row.lot_id) for row in rows] == [
        ("available", -400, lot.pk),
        ("expired", 400, lot.pk),
    ]
    lot.refresh_from_db()
    assert (lot.available_cents, lot.held_cents, lot.spent_cents) == (600, 0, 0)


def test_refuses_what_does_not_balance(lot):
    refused(lot, [*expire(lot, 400), Line(EXPIRED, lot.fund, 1, lot_id=lot.pk)], "does not balance")


def test_refuses_a_single_line_and_none(lot):
    refused(lot, [Line(EXPIRED, lot.fund, 1, lot_id=lot.pk)], "does not balance")
    refused(lot, [], "does not balance")


def test_refuses_money_that_changes_its_fund(lot):
    lines = [
        Line(AVAILABLE, Fund.PUBLIC, -400, lot_id=lot.pk),
        Line(EXPIRED, Fund.EMPLOYER, 400, lot_id=lot.pk),
    ]
    refused(lot, lines, "does not balance")


@pytest.mark.parametrize(
    ("bucket", "constraint"),
    [
        (Bucket.AVAILABLE, "posting_lot_named"),
        (Bucket.BUDGET, "posting_budget_named"),
        (Bucket.HELD, "posting_booking_named"),
    ],
)
def test_refuses_a_bucket_without_what_it_belongs_to(lot, bucket, constraint):
    lines = [Line(AVAILABLE, lot.fund, -1, lot_id=lot.pk), Line(bucket, lot.fund, 1)]
    refused(lot, lines, constraint)


def test_amounts_of_zero_are_left_out(lot):
    posted = post(lot, [*expire(lot, 400), *expire(lot, 0)])
    assert Posting.objects.filter(entry_id=posted.entry_id).count() == 2


def test_a_lot_never_goes_below_zero(lot):
    with pytest.raises(DomainError, match="insufficient_rights"), transaction.atomic():
        post(lot, expire(lot, 1001))
    lot.refresh_from_db()
    assert lot.available_cents == 1000


def test_a_budget_never_goes_below_zero(lot):
    budget = BudgetFactory.create(scheme=lot.account.scheme, amount_cents=10)
    lines = [
        Line(BUDGET, Fund.PUBLIC, -11, budget_id=budget.pk),
        Line(AVAILABLE, Fund.PUBLIC, 11, lot_id=lot.pk),
    ]
    with pytest.raises(DomainError, match="budget_exhausted"), transaction.atomic():
        post(lot, lines)


def test_the_same_key_and_postings_count_once(lot):
    first = post(lot, expire(lot, 400))
    again = post(lot, list(reversed(expire(lot, 400))))
    assert (again.entry_id, again.created) == (first.entry_id, False)
    lot.refresh_from_db()
    assert lot.available_cents == 600


def test_a_repeated_key_is_answered_before_the_balance_is_asked(lot):
    first = post(lot, expire(lot, 1000))
    assert post(lot, expire(lot, 1000)).entry_id == first.entry_id


@pytest.mark.parametrize("cents", [399, 401])
def test_the_same_key_with_other_postings_is_refused(lot, cents):
    post(lot, expire(lot, 400))
    with pytest.raises(DomainError, match="idempotency_mismatch"), transaction.atomic():
        post(lot, expire(lot, cents))


def test_an_entry_is_reversed_once(lot):
    entry = JournalEntry.objects.get(pk=post(lot, expire(lot, 400)).entry_id)
    actor = service_users.get("ledger")
    reversal = ledger.reverse(entry=entry, actor=actor)
    lot.refresh_from_db()
    assert lot.available_cents == 1000
    assert JournalEntry.objects.get(pk=reversal.entry_id).reverses == entry
    assert not ledger.reverse(entry=entry, actor=actor).created
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.reverse(entry=entry, actor=actor, key="another key")
    lot.refresh_from_db()
    assert lot.available_cents == 1000
