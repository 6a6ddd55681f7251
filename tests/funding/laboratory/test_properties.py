"""What holds for anybody: no cent is lost, the same rules make no difference, the parts add up."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funding.laboratory.compare import Comparison
from funding.laboratory.people import OpeningLot, Person, Wish
from funding.laboratory.play import FLOWS, Player, balances
from funding.schemes.facts import CredentialFacts, LearnerFacts
from funding.schemes.presets import preset_codes
from funding.schemes.vocabulary import KINDS, STATUSES
from tests.funding.laboratory.people import Some, flow, rules, tally, with_changes

YEARS = (2026, 2027, 2028)
FIRST, LAST = date(2026, 1, 1), date(2028, 12, 31)
CHANGES: dict[str, Mapping[str, Any]] = {
    "cpf": {"participation_cents": 25_000, "cap_cents": 300_000, "usage_cap_cents": {"rs": 80_000}},
    "skillsfuture": {"age_credits": [{"years": 30, "cents": 70_000, "source": "rights"}]},
    "stap": {"grant_cents": 60_000, "once": "ever"},
    "flanders": {"public_share_percent": 70, "validity_months": 6},
    "lithuania": {"wait_years_when_used": 1},
    "upper_austria": {"reimbursement_percent": 60, "attendance_min_percent": 50},
    "uk_2000": {"later_share_percent": 40},
}
ANYBODY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def wishes(draw: st.DrawFn) -> Wish:
    on = draw(st.dates(FIRST, LAST))
    starts = on + timedelta(days=draw(st.integers(0, 120)))
    return Wish(
        on=on,
        starts=starts,
        ends=starts + timedelta(days=draw(st.integers(0, 400))),
        credential=CredentialFacts(
            kind=draw(st.sampled_from(KINDS)), hours=Decimal(draw(st.integers(1, 300)))
        ),
        price_cents=draw(st.integers(1, 800_000)),
        percent=draw(st.integers(0, 100)),
        certificate=draw(st.booleans()),
        own_limit_cents=draw(st.none() | st.integers(0, 300_000)),
    )


@st.composite
def lots(draw: st.DrawFn) -> OpeningLot:
    return OpeningLot(
        source=draw(st.sampled_from(["rights", "endowment", "employer", "public", "mid_career", "one_off"])),
        available_cents=draw(st.integers(0, 700_000)),
        held_cents=draw(st.integers(0, 50_000)),
        spent_cents=draw(st.integers(0, 50_000)),
        expires=draw(st.none() | st.dates(FIRST, LAST + timedelta(days=400))),
    )


@st.composite
def people(draw: st.DrawFn, country: str) -> Person:
    facts = LearnerFacts(
        birth_date=draw(st.dates(date(1955, 1, 1), date(2009, 1, 1))),
        status=draw(st.sampled_from(STATUSES)),
        qualification_level=draw(st.none() | st.integers(0, 8)),
        disabled=draw(st.booleans()),
        hours_ratio=draw(st.decimals(0, 1, places=4)),
        annual_hours=draw(st.none() | st.decimals(0, 2500, places=2)),
        driving_licences=draw(st.sampled_from([(), ("B",)])),
        residence=draw(st.sampled_from([country, "ZZ"])),
        citizen=draw(st.sampled_from([country, "ZZ"])),
        work_incapacity_percent=draw(st.integers(0, 100)),
        prevention_account=draw(st.booleans()),
        student_finance=draw(st.booleans()),
        insured_months=draw(st.none() | st.integers(0, 24)),
        income_cents=draw(st.none() | st.integers(0, 10_000_000)),
    )
    return Person(
        facts=facts,
        lots=tuple(draw(st.lists(lots(), max_size=4, unique_by=lambda lot: (lot.source, lot.expires)))),
        wishes=tuple(sorted(draw(st.lists(wishes(), max_size=5)), key=lambda each: each.on)),
        accrued_years=frozenset(draw(st.sets(st.sampled_from(YEARS), max_size=1))),
        credited=draw(st.booleans()),
        earlier_bookings=draw(st.integers(0, 2)),
        emptied_on=draw(st.none() | st.dates(date(2019, 1, 1), date(2025, 12, 31))),
    )


@pytest.mark.parametrize("scheme", preset_codes())
@ANYBODY
@given(data=st.data())
def test_no_cent_is_lost(scheme: str, data: st.DataObject) -> None:
    line = rules(scheme)
    one = data.draw(people(line.latest.country))
    played = Player(line, YEARS).play(one)
    assert balances(played.flows, one.opening_cents)
    assert len(played.decisions) == len(one.wishes)
    assert sum(flow(played, "bookings")) + sum(flow(played, "refused")) == len(one.wishes)
    for name in FLOWS:
        if name not in ("granted", "support", "own"):  # what comes back in a later year is more than is given
            assert min(flow(played, name)) >= 0, name


@pytest.mark.parametrize("scheme", preset_codes())
@ANYBODY
@given(data=st.data())
def test_the_same_rules_make_no_difference(scheme: str, data: st.DataObject) -> None:
    line = rules(scheme)
    one = data.draw(people(line.latest.country))
    found = Comparison(line, line, YEARS).compare(one)
    assert found.changes == (0, 0, 0)
    assert found.differences == ()


@pytest.mark.parametrize("scheme", sorted(CHANGES))
@ANYBODY
@given(data=st.data())
def test_every_difference_is_explained_to_the_cent(scheme: str, data: st.DataObject) -> None:
    """The rules' parts of credits and of what was agreed add up; what is only done in part comes back later."""
    line, other = rules(scheme), with_changes(CHANGES[scheme], scheme, YEARS[0])
    one = data.draw(people(line.latest.country))
    found = Comparison(line, other, YEARS).compare(one)
    credited = sum(each.credited_cents for each in found.differences)
    assert credited == sum(flow(found.after, "credited")) - sum(flow(found.before, "credited"))
    for name, values in (("public_cents", "support_cents"), ("own_cents", "own_cents")):
        agreed = sum(getattr(each, name) for each in found.after.decisions)
        agreed -= sum(getattr(each, name) for each in found.before.decisions)
        assert sum(getattr(each, values) for each in found.differences) == agreed


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_there_and_back_again_is_the_opposite(data: st.DataObject) -> None:
    line, other = rules("cpf"), with_changes(CHANGES["cpf"], "cpf", YEARS[0])
    one = data.draw(people("FR"))
    there = Comparison(line, other, YEARS).compare(one).changes
    back = Comparison(other, line, YEARS).compare(one).changes
    assert back == tuple(-each for each in there)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_sums_do_not_depend_on_how_a_population_is_divided(data: st.DataObject) -> None:
    everybody = data.draw(st.lists(people("FR"), min_size=2, max_size=6))
    whole = tally(everybody, CHANGES["cpf"], years=YEARS)
    cut = data.draw(st.integers(1, len(everybody) - 1))
    parts = tally(everybody[cut:], CHANGES["cpf"], years=YEARS)
    parts.merge(tally(everybody[:cut], CHANGES["cpf"], years=YEARS))
    assert parts == whole
    assert len(Some(tuple(everybody))) == whole.learners
