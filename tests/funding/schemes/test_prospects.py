"""The forecast of an account: what comes in, what expires, what is there at the end of each year."""

from datetime import date
from decimal import Decimal
from typing import Any

from funding.schemes.facts import LearnerFacts
from funding.schemes.presets import load_preset
from funding.schemes.prospects import Money, prospects
from funding.schemes.rules import SchemeRules

TODAY = date(2026, 5, 4)


def cpf() -> SchemeRules:
    return load_preset("cpf").versions[-1][1]


def learner(**facts: Any) -> LearnerFacts:
    known: dict[str, Any] = {"status": "employed", "hours_ratio": Decimal(1), "qualification_level": 5}
    return LearnerFacts(**(known | facts))


def test_f01_a_full_year_brings_500_a_year_up_to_the_cap_of_5000() -> None:
    owned = [Money("rights", 400_000, accrued_years=(2024, 2025))]
    years = prospects(cpf(), learner(), owned, today=TODAY)
    # 2025 is credited already: 2026's credit comes in 2027, and so on until 5,000 are there.
    assert [one.year for one in years] == [2026, 2027, 2028, 2029, 2030, 2031]
    assert [one.credited_cents for one in years] == [0, 50_000, 50_000, 0, 0, 0]
    assert [one.available_cents for one in years] == [400_000, 450_000, 500_000, 500_000, 500_000, 500_000]


def test_f04_what_is_held_counts_towards_the_cap_and_endowments_do_not() -> None:
    owned = [
        Money("rights", 0, used_cents=500_000, held_cents=500_000, accrued_years=(2025,)),
        Money("endowment", 300_000),
    ]
    years = prospects(cpf(), learner(), owned, today=TODAY)
    assert {one.credited_cents for one in years} == {0}
    assert years[-1].available_cents == 300_000


def test_f02_part_time_below_half_brings_a_part() -> None:
    years = prospects(
        cpf(), learner(hours_ratio=Decimal("0.25")), [Money("rights", 0, accrued_years=(2025,))], today=TODAY
    )
    assert years[1].credited_cents == 12_500


def test_money_is_gone_in_the_year_after_its_last_day_on() -> None:
    owned = [
        Money("employer", 20_000, expires_on=date(2026, 12, 31)),
        Money("public", 7_000, expires_on=date(2027, 6, 30)),
        Money("endowment", 1_000),
    ]
    years = prospects(cpf(), learner(status="retired"), owned, today=TODAY, years=2)
    assert [(one.expired_cents, one.available_cents) for one in years] == [
        (0, 28_000),
        (27_000, 1_000),
        (0, 1_000),
    ]


def test_an_age_brings_its_credit_in_its_year() -> None:
    rules = load_preset("skillsfuture").versions[-1][1]
    credit = next(one for one in rules.age_credits if one.last_day is None)
    born = date(TODAY.year + 2 - credit.years, 8, 1)
    years = prospects(rules, learner(birth_date=born, citizen=rules.country), [], today=TODAY, years=3)
    assert [one.credited_cents for one in years[:2]] == [0, 0]
    assert years[2].credited_cents >= credit.cents
