"""How far a learner is, whatever the rule and whatever they hold."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.stacking.engine import Earned, Member, Progress, Rule, find_cycle, progress

DAY = date(2026, 1, 1)
SCHEMES = ("ects", "hours")


def on(key: int, day: int = 0, *, prior: bool = False) -> Earned:
    return Earned(key, DAY + timedelta(days=day), prior)


members = st.lists(
    st.builds(
        Member,
        key=st.integers(1, 8),
        workload=st.one_of(st.none(), st.integers(1, 10).map(Decimal)),
        scheme=st.sampled_from(SCHEMES),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda one: one.key,
).map(tuple)
earned = st.lists(st.builds(on, st.integers(1, 10), st.integers(0, 20), prior=st.booleans()), max_size=12)


@st.composite
def rules(draw: st.DrawFn, kinds: tuple[str, ...] = ("all_of", "n_of", "credits", "ordered")) -> Rule:
    kind, given_members = draw(st.sampled_from(kinds)), draw(members)
    return Rule(
        kind=kind,
        members=given_members,
        needed=draw(st.integers(1, len(given_members))) if kind == "n_of" else None,
        threshold=Decimal(draw(st.integers(1, 20))) if kind == "credits" else None,
        scheme="ects" if kind == "credits" else None,
        prior_learning=draw(st.booleans()),
        final_examination=draw(st.booleans()),
    )


@given(rules(), earned, st.booleans())
def test_what_counts_what_is_missing_and_what_is_left_out_never_overlap(
    rule: Rule, held: list[Earned], examined: bool
) -> None:
    found = progress(rule, held, examined=examined)
    keys = {one.key for one in rule.members}
    owned = {one.key for one in held}
    counted, missing, out = set(found.counted), set(found.missing), {key for key, _ in found.left_out}
    assert counted | out == owned & keys, "whatever is held counts, or it is said why not"
    assert not counted & out
    assert not counted & missing
    assert missing <= keys
    assert 0 <= found.percent <= 100
    assert found.complete == (found.done >= found.needed and (examined or not rule.final_examination))


@given(rules(), earned, earned)
def test_more_awards_never_bring_one_back(rule: Rule, held: list[Earned], more: list[Earned]) -> None:
    before, after = progress(rule, held), progress(rule, [*held, *more])
    assert after.done >= before.done
    assert set(before.counted) <= set(after.counted) or rule.kind == "ordered"


@given(rules(), earned, st.randoms())
def test_the_order_in_which_awards_are_read_changes_nothing(
    rule: Rule, held: list[Earned], mixed: object
) -> None:
    shuffled = list(held)
    mixed.shuffle(shuffled)  # type: ignore[attr-defined]
    assert progress(rule, held) == progress(rule, shuffled)


@given(rules(), earned)
def test_earning_what_is_missing_completes_it_where_it_can_be_completed(
    rule: Rule, held: list[Earned]
) -> None:
    found = progress(rule, held, examined=True)
    later = [on(key, 100 + place) for place, key in enumerate(found.missing)]
    after = progress(rule, [*held, *later], examined=True)
    reachable = rule.kind != "credits" or rule.threshold <= sum(  # type: ignore[operator]
        one.workload or 0 for one in rule.members if one.scheme == rule.scheme
    )
    assert after.complete == reachable


@given(rules(), earned)
def test_prior_learning_counts_only_where_the_rule_allows_it(rule: Rule, held: list[Earned]) -> None:
    only_prior = [Earned(one.key, one.on, prior=True) for one in held]
    found = progress(rule, only_prior)
    if not rule.prior_learning:
        assert found.counted == ()
        assert {reason for _, reason in found.left_out} <= {"prior_learning_not_allowed"}
    else:
        assert found == progress(rule, [Earned(one.key, one.on) for one in held])


@given(rules(("credits",)), earned)
def test_no_workload_is_ever_converted(rule: Rule, held: list[Earned]) -> None:
    found = progress(rule, held)
    by_key = {one.key: one for one in rule.members}
    assert all(by_key[key].scheme == rule.scheme for key in found.counted)
    assert found.done == sum((by_key[key].workload or Decimal(0) for key in found.counted), Decimal(0))


@given(rules(("forbidden",)), earned)
def test_what_is_forbidden_never_adds_up(rule: Rule, held: list[Earned]) -> None:
    found = progress(rule, held, examined=True)
    assert (found.complete, found.counted, found.missing, found.percent) == (False, (), (), 0)
    assert {reason for _, reason in found.left_out} <= {"never_stacked"}


THREE = (Member(1), Member(2), Member(3))


def told(found: Progress) -> tuple[tuple[int, ...], tuple[int, ...], dict[int, str]]:
    return found.counted, found.missing, dict(found.left_out)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([], ((), (1, 2, 3), {})),
        ([on(1), on(2, 1)], ((1, 2), (3,), {})),
        ([on(2), on(1, 1)], ((1,), (2, 3), {2: "out_of_order"})),
        ([on(2), on(1, 1), on(2, 2)], ((1, 2), (3,), {})),
        ([on(1), on(3, 1)], ((1,), (2, 3), {3: "out_of_order"})),
        ([on(1), on(2), on(3)], ((1, 2, 3), (), {})),
    ],
)
def test_in_order_means_each_after_the_ones_before_it(held: list[Earned], expected: object) -> None:
    assert told(progress(Rule("ordered", THREE), held)) == expected


def test_two_of_three() -> None:
    found = progress(Rule("n_of", THREE, needed=2), [on(3)])
    assert (told(found), found.percent, found.complete) == (((3,), (1, 2), {}), 50, False)
    assert progress(Rule("n_of", THREE, needed=2), [on(3), on(1)]).complete


def test_credits_in_another_scheme_are_said_not_to_count() -> None:
    rule = Rule(
        "credits",
        (
            Member(1, Decimal(3), "ects"),
            Member(2, Decimal(90), "hours"),
            Member(3),
            Member(4, Decimal(2), "ects"),
        ),
        threshold=Decimal(5),
        scheme="ects",
    )
    found = progress(rule, [on(1), on(2), on(3)])
    assert told(found) == ((1,), (4,), {2: "other_scheme", 3: "workload_not_specified"})
    assert (found.done, found.needed, found.percent) == (Decimal(3), Decimal(5), 60)


def test_the_examination_is_missing_until_it_is_passed() -> None:
    rule = Rule("all_of", (Member(1),), final_examination=True)
    found = progress(rule, [on(1)])
    assert (found.members_done, found.examination_missing, found.complete) == (True, True, False)
    assert progress(rule, [on(1)], examined=True).complete


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ({}, []),
        ({1: {2}, 2: {3}}, []),
        ({1: {1}}, [1]),
        ({1: {2}, 2: {3}, 3: {2}}, [2, 3]),
        ({1: {2, 3}, 2: {4}, 3: {4}}, []),
    ],
)
def test_cycles_are_named(edges: dict[int, set[int]], cycle: list[int]) -> None:
    assert find_cycle(edges) == cycle


@given(st.dictionaries(st.integers(0, 8), st.sets(st.integers(0, 8), max_size=4)))
def test_a_cycle_that_is_named_is_one_and_none_is_overlooked(edges: dict[int, set[int]]) -> None:
    cycle = find_cycle(edges)
    for here, there in zip(cycle, [*cycle[1:], *cycle[:1]], strict=True):
        assert there in edges[here]
    if not cycle:
        left = {key: set(value) for key, value in edges.items()}
        while leaves := [key for key, value in left.items() if not value & left.keys()]:
            for leaf in leaves:
                del left[leaf]
        assert not left


def test_a_chain_longer_than_the_stack_of_the_interpreter() -> None:
    edges = {number: {number + 1} for number in range(5000)}
    assert find_cycle(edges) == []
    edges[5000] = {0}
    assert len(find_cycle(edges)) == 5001
