"""Schemes put into force; money appropriated, credited and expired."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from accounts.services import service_users
from funding.models import Fund, JournalEntry, Lot, Scheme, SchemeVersion
from funding.schemes.presets import load_preset, override
from funding.services import schemes
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import UserFactory
from tests.factories.funding import BudgetFactory, LearningAccountFactory, LotFactory, SchemeFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor():
    return service_users.get("ledger")


@pytest.fixture
def on():
    with clock.at(datetime(2026, 5, 4, 9, tzinfo=UTC)) as hand:
        yield hand


def set_validity(scheme, months):
    today = clock.now().date()
    current = scheme.versions.exclude(valid_until__lte=today).get(valid_from__lte=today)
    rules = {**current.rules, "validity_months": months}
    current.valid_until = today
    current.save(update_fields=["valid_until"])
    SchemeVersion.objects.create(
        scheme=scheme, valid_from=today, rules=rules, author=current.author, approver=current.approver
    )


class TestPreset:
    def test_puts_every_version_into_force_once(self):
        author, approver = UserFactory.create_batch(2)
        for _ in range(2):
            scheme = schemes.load_preset_scheme(code="cpf", author=author, approver=approver)
        preset = load_preset("cpf")
        versions = list(scheme.versions.order_by("valid_from"))
        assert [version.valid_from for version in versions] == [day for day, _ in preset.versions]
        assert [version.parsed for version in versions] == [rules for _, rules in preset.versions]
        assert [version.valid_until for version in versions[:-1]] == [day for day, _ in preset.versions[1:]]
        assert versions[-1].valid_until is None
        assert Scheme.objects.count() == 1

    def test_adds_what_a_later_file_brings(self, monkeypatch):
        preset = load_preset("cpf")
        monkeypatch.setattr(schemes, "load_preset", lambda _: replace(preset, versions=preset.versions[:-1]))
        scheme = SchemeFactory.create()
        assert scheme.versions.get(valid_until=None).valid_from == preset.versions[-2][0]
        monkeypatch.undo()
        author, approver = UserFactory.create_batch(2)
        schemes.load_preset_scheme(code="cpf", author=author, approver=approver)
        assert scheme.versions.count() == len(preset.versions)
        assert scheme.versions.get(valid_until=None).valid_from == preset.versions[-1][0]

    def test_refuses_rules_that_were_stored_differently(self, monkeypatch):
        scheme = SchemeFactory.create()
        preset = load_preset("cpf")
        day, rules = preset.versions[-1]
        other = (*preset.versions[:-1], (day, override(rules, {"withdrawal_wd": 1})))
        monkeypatch.setattr(schemes, "load_preset", lambda _: replace(preset, versions=other))
        version = scheme.versions.get(valid_until=None)
        with pytest.raises(DomainError, match="scheme_differs"):
            schemes.load_preset_scheme(code="cpf", author=version.author, approver=version.approver)

    def test_one_person_alone_is_refused(self):
        user = UserFactory.create()
        with pytest.raises(DomainError, match="invalid"):
            schemes.load_preset_scheme(code="cpf", author=user, approver=user)

    def test_an_unknown_code(self):
        with pytest.raises(LookupError):
            schemes.load_preset_scheme(code="zz", author=UserFactory.create(), approver=UserFactory.create())


class TestAppropriate:
    def test_creates_the_budget_and_adds_to_it_once_per_key(self, actor):
        scheme = SchemeFactory.create()
        for key, expected in (("a", 100), ("a", 100), ("b", 200)):
            budget = schemes.appropriate(
                scheme=scheme, budget_name="2026", amount_cents=100, actor=actor, idempotency_key=key
            )
            assert budget.available_cents == expected
        assert scheme.budgets.count() == 1

    @pytest.mark.parametrize("amount", [0, -1])
    def test_refuses_what_is_no_amount(self, actor, amount):
        with pytest.raises(DomainError, match="invalid"):
            schemes.appropriate(
                scheme=SchemeFactory.create(),
                budget_name="2026",
                amount_cents=amount,
                actor=actor,
                idempotency_key="a",
            )


class TestCredit:
    def test_public_money_comes_from_the_budget(self, actor):
        budget = BudgetFactory.create(amount_cents=1000)
        lot = LotFactory.create(account__scheme=budget.scheme, amount_cents=300)
        budget.refresh_from_db()
        assert (lot.available_cents, lot.fund, budget.available_cents) == (300, Fund.PUBLIC, 700)

    def test_an_employers_money_comes_from_outside(self):
        budget = BudgetFactory.create(amount_cents=1000)
        lot = LotFactory.create(account__scheme=budget.scheme, employer=True)
        budget.refresh_from_db()
        assert (lot.available_cents, lot.fund, budget.available_cents) == (50_000, Fund.EMPLOYER, 1000)

    def test_adds_to_the_lot_of_that_source(self):
        account = LearningAccountFactory.create()
        LotFactory.create(account=account, amount_cents=100)
        lot = LotFactory.create(account=account, amount_cents=50)
        assert lot.available_cents == 150
        assert account.lots.count() == 1

    def test_other_expiry_or_earmark_is_another_lot(self):
        account = LearningAccountFactory.create()
        LotFactory.create(account=account)
        LotFactory.create(account=account, expires_on=date(2030, 1, 1))
        LotFactory.create(account=account, earmark="rs")
        assert account.lots.count() == 3

    def test_never_more_than_the_budget_has(self):
        budget = BudgetFactory.create(amount_cents=100)
        account = LearningAccountFactory.create(scheme=budget.scheme)
        with pytest.raises(DomainError, match="budget_exhausted"):
            LotFactory.create(account=account, amount_cents=101)
        assert not Lot.objects.exists()

    def test_a_scheme_without_a_budget(self, actor):
        with pytest.raises(DomainError, match="budget_exhausted"):
            schemes.credit(
                account=LearningAccountFactory.create(),
                source="rights",
                amount_cents=1,
                actor=actor,
                idempotency_key="a",
            )

    @pytest.mark.parametrize("source", ["learner", "grant", "gift"])
    def test_refuses_what_no_account_holds(self, source):
        with pytest.raises(DomainError, match="invalid"):
            LotFactory.create(source=source)

    def test_validity_counts_from_today_and_includes_its_last_day(self, on):
        scheme = SchemeFactory.create()
        set_validity(scheme, 14)
        account = LearningAccountFactory.create(scheme=scheme)
        assert LotFactory.create(account=account).expires_on == date(2027, 7, 4)
        assert LotFactory.create(account=account, expires_on=date(2026, 12, 1)).expires_on == date(
            2026, 12, 1
        )

    def test_validity_ends_with_the_month_where_it_has_no_such_day(self, on):
        on.move(datetime(2026, 12, 31, 12, tzinfo=UTC))
        scheme = SchemeFactory.create()
        set_validity(scheme, 14)
        assert LotFactory.create(account__scheme=scheme).expires_on == date(2028, 2, 29)

    def test_repeated_on_a_later_day_it_changes_nothing(self, on):
        scheme = SchemeFactory.create()
        set_validity(scheme, 14)
        account = LearningAccountFactory.create(scheme=scheme)
        first = LotFactory.create(account=account, idempotency_key="k")
        on.move(datetime(2026, 6, 4, 9, tzinfo=UTC))
        assert LotFactory.create(account=account, idempotency_key="k") == first
        assert account.lots.get().available_cents == first.available_cents
        with pytest.raises(DomainError, match="idempotency_mismatch"):
            LotFactory.create(account=account, idempotency_key="k", amount_cents=7)

    def test_a_key_of_another_account_is_no_repetition(self):
        LotFactory.create(idempotency_key="k")
        with pytest.raises(DomainError, match="idempotency_mismatch"):
            LotFactory.create(idempotency_key="k")


class TestExpire:
    def test_takes_back_what_is_left_after_the_last_day(self, actor, monkeypatch):
        monkeypatch.setattr(schemes, "EXPIRY_CHUNK", 2)
        gone = [LotFactory.create(expires_on=date(2026, 5, 3)) for _ in range(5)]
        kept = [LotFactory.create(expires_on=date(2026, 5, 4)), LotFactory.create()]
        assert schemes.expire_lots(on=date(2026, 5, 4), actor=actor) == 5
        assert [Lot.objects.get(pk=lot.pk).available_cents for lot in gone] == [0] * 5
        assert [Lot.objects.get(pk=lot.pk).available_cents for lot in kept] == [500_000] * 2
        assert JournalEntry.objects.filter(kind="expire").count() == 3

    def test_again_it_finds_only_what_came_back(self, actor):
        lot = LotFactory.create(expires_on=date(2026, 5, 3))
        assert schemes.expire_lots(on=date(2026, 5, 4), actor=actor) == 1
        assert schemes.expire_lots(on=date(2026, 5, 4), actor=actor) == 0
        LotFactory.create(account=lot.account, expires_on=date(2026, 5, 3), amount_cents=5)
        assert schemes.expire_lots(on=date(2026, 5, 4), actor=actor) == 1
