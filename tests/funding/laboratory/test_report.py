"""What is read of a run: sums that can be checked by hand, and nothing that tells of a person."""

import csv
import io
import json
import re
from datetime import date
from typing import Any

import pytest
from lxml import etree

from funding.laboratory import charts, tables, text
from funding.laboratory.people import Person
from funding.laboratory.rulesets import LaboratoryError
from funding.laboratory.tally import Change, three_figures
from tests.funding.laboratory.people import person, result, rights, wish

ASKED = {"participation_cents": 20_000}


def bookers(number: int, **facts: Any) -> list[Person]:
    """Who books at 1,000 with 950 of rights, and no credit of a year to come."""
    return [person(rights(95_000), wishes=[wish(date(2027, 1, 11))], status="student", **facts)] * number


def idle(number: int, **facts: Any) -> list[Person]:
    return [person(rights(95_000), status="student", **facts)] * number


def row(found: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    return next(each for each in found["groups"] if (each["kind"], each["name"]) == (kind, name))


def test_costs_are_sums_and_the_outstanding_of_the_last_year_is_the_total() -> None:
    found = result(bookers(10), ASKED)
    first, _second, total = found["costs"]
    assert first["paid"] == {"before": 850_000, "after": 800_000, "difference": -50_000}
    assert first["own"] == {"before": 150_000, "after": 200_000, "difference": 50_000}
    assert total["outstanding"] == {"before": 100_000, "after": 150_000, "difference": 50_000}
    assert found["learners_concerned"] == 10


def test_who_gains_and_who_loses_by_group() -> None:
    found = result([*bookers(60), *idle(40, qualification_level=2)], ASKED)
    everybody = row(found, "all", "all")["measures"]["own"]
    assert everybody == {
        "concerned": 60,
        "gainers": 0,
        "losers": 60,
        "gained_cents": 0,
        "lost_cents": 300_000,
        "net_cents": -300_000,
        "mean_cents": -3_000,
        "mean_of_concerned_cents": -5_000,
        "deciles_of_concerned_cents": [-5_000] * 9,
    }
    assert row(found, "qualification", "below_3")["measures"]["own"]["concerned"] == 0
    assert found["explained_by"] == [
        {
            "rule": "F-08",
            "learners": 60,
            "times": 60,
            "credited_cents": 0,
            "support_cents": -300_000,
            "own_cents": 300_000,
        }
    ]


def test_a_group_of_fewer_than_five_is_left_out_with_the_next_smallest() -> None:
    people = [*bookers(50), *bookers(4, qualification_level=2), *bookers(9, qualification_level=6)]
    found = result(people, ASKED)
    for name in ("below_3", "5_or_more"):
        hidden = row(found, "qualification", name)
        assert (hidden["learners"], set(hidden["measures"].values())) == (None, {None})
    assert row(found, "qualification", "3_4")["learners"] == 50
    assert row(found, "all", "all")["learners"] == 63
    assert "fewer than 5" in text.render(found)


def test_changes_of_fewer_than_five_of_a_group_are_left_out() -> None:
    people = [*idle(50), *bookers(3), *idle(20, qualification_level=2), *bookers(8, qualification_level=2)]
    found = result(people, ASKED)
    assert row(found, "qualification", "3_4")["measures"]["own"] is None
    # Its only neighbour would give it away.
    assert row(found, "qualification", "below_3")["measures"]["own"] is None
    assert row(found, "qualification", "3_4")["learners"] == 53
    assert row(found, "all", "all")["measures"]["own"]["concerned"] == 11


def test_when_fewer_than_five_are_concerned_at_all_the_costs_after_are_left_out() -> None:
    found = result([*idle(50), *bookers(4)], ASKED)
    assert found["learners_concerned"] is None
    assert found["costs"][0]["paid"] == {"before": 340_000, "after": None, "difference": None}
    assert found["explained_by"] == []
    assert "340,000" not in text.render(found)
    assert charts.draw(found, "costs").startswith("<svg")


def test_gains_are_not_told_from_losses_where_one_is_of_fewer_than_five() -> None:
    gainers = [
        person(rights(95_000), wishes=[wish(date(2027, 1, 11), own_limit_cents=15_000)], status="student")
    ] * 2
    found = result([*bookers(20), *gainers], ASKED)
    own = row(found, "all", "all")["measures"]["own"]
    assert (own["concerned"], own["gainers"], own["losers"], own["net_cents"]) == (22, None, None, -70_000)
    assert own["deciles_of_concerned_cents"] == []


def test_a_population_of_fewer_than_five_has_no_result() -> None:
    with pytest.raises(LaboratoryError, match="fewer than 5 learners"):
        result(bookers(4), ASKED)


def test_deciles_are_of_who_is_concerned() -> None:
    change = Change()
    for cents in range(-10, 0):
        change.add(cents * 100)
    assert change.deciles() == [-1000, -900, -800, -700, -600, -500, -400, -300, -200]


@pytest.mark.parametrize(
    ("cents", "cut"), [(0, 0), (999, 999), (1_234, 1_230), (-98_765, -98_700), (10**9, 10**9)]
)
def test_sizes_are_kept_to_three_figures(cents: int, cut: int) -> None:
    assert three_figures(cents) == cut


def test_a_result_is_json_and_csv() -> None:
    found = result([*bookers(60), *idle(40, qualification_level=2)], ASKED)
    assert json.loads(json.dumps(found)) == found
    costs = list(csv.DictReader(io.StringIO(tables.write_csv(found, "costs"))))
    assert {
        "year": "2027",
        "figure": "paid",
        "before": "5100000",
        "after": "4800000",
        "difference": "-300000",
    } in costs
    groups = list(csv.DictReader(io.StringIO(tables.write_csv(found, "groups"))))
    assert len(groups) == 3 * len(found["groups"])
    assert [each["rule"] for each in csv.DictReader(io.StringIO(tables.write_csv(found, "rules")))] == [
        "F-08"
    ]


def test_charts_are_pictures_with_a_name_and_neither_style_nor_script() -> None:
    found = result([*bookers(60), *idle(40, qualification_level=2)], ASKED)
    assert charts.names(found) == ["costs", "gains_support", "gains_own"]
    for name in charts.names(found):
        svg = charts.draw(found, name)
        root = etree.fromstring(svg.encode())
        assert root.get("role") == "img"
        first, second = root[0], root[1]
        assert (etree.QName(first).localname, etree.QName(second).localname) == ("title", "desc")
        assert root.get("aria-labelledby") == f"{first.get('id')} {second.get('id')}"
        assert first.text
        assert second.text
        assert not re.search(r"\sstyle=|<style|<script|javascript:|@import|url\(http", svg)
        assert set(re.findall(r"https?://[^\"' )]+", svg)) <= {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
        }
    with pytest.raises(LookupError):
        charts.draw(found, "gains_rights")


def test_the_text_says_what_changed_and_what_it_costs() -> None:
    shown = text.render(result([*bookers(60), *idle(40, qualification_level=2)], ASKED))
    assert re.search(r"participation_cents +F-08 +15000 +20000", shown)
    assert re.search(r"2027 +€51,000.00 +€48,000.00 +-€3,000.00", shown)
    assert re.search(r"Everybody +100 +60 +0 +60 +€0.00 +€3,000.00 +-€3,000.00 +-€50.00", shown)
    assert "Figures that concern fewer than 5 learners are left out" in shown
