"""The training, the payment, the bank, holds and accreditation: each event, each refusal with its code and rule."""

from decimal import Decimal
from typing import Any

import pytest

from tests.funding.replay.theatre import (
    ENDS,
    OTHER_IBAN,
    STARTS,
    accepted,
    claimed,
    credit,
    do,
    last,
    learner,
    paid,
    play,
    proposed,
    provider,
    refusals,
    request,
    sources,
    state,
    trained,
    validated,
)

pytestmark = pytest.mark.django_db

BOOKED = [credit(), accepted()]
ENTERED = [*BOOKED, do("declare_entry", at=STARTS)]
LEFT = [*ENTERED, do("declare_exit", reason="complete", at=ENDS)]
LONG = {"starts": STARTS, "ends": "2026-10-30T17:00"}


# -- the training ----------------------------------------------------------------------------------------


def test_f26_entry() -> None:
    assert last(play(BOOKED, do("declare_entry", at="2026-06-21T23:59"))) == ("too_early", "F-26")
    assert last(play(BOOKED, do("declare_entry", at="2026-06-22T00:00"))) is None
    found = play(BOOKED, do("declare_entry", at="2026-06-25T23:59"))
    assert (state(found), found["bookings"]["B1"]["flags"]) == ("in_training", [])
    found = play(BOOKED, do("declare_entry", at="2026-06-26T00:00"))
    assert (state(found), found["bookings"]["B1"]["flags"]) == ("in_training", ["late_entry"])
    assert last(play(ENTERED, do("declare_entry"))) == ("not_allowed", None)
    assert last(play(credit(), proposed(), do("declare_entry"))) == ("not_allowed", None)


def test_f26_exit() -> None:
    found = play(ENTERED, do("declare_exit", reason="complete", at="2026-07-01T23:59"))
    assert (state(found), found["bookings"]["B1"]["flags"]) == ("left", [])
    found = play(ENTERED, do("declare_exit", reason="complete", at="2026-07-02T00:00"))
    assert found["bookings"]["B1"]["flags"] == ["late_exit"]
    late = do("declare_entry", at="2026-06-26T08:00")
    found = play(BOOKED, late, do("declare_exit", reason="learner", at="2026-07-02T00:00"))
    assert found["bookings"]["B1"]["flags"] == ["late_entry", "late_exit"]
    assert last(play(LEFT, do("declare_exit", reason="complete"))) == ("not_allowed", None)
    assert last(play(BOOKED, do("declare_exit", reason="complete"))) == ("not_allowed", None)


def test_f29_reasons_of_an_exit() -> None:
    for reason in ("complete", "learner", "provider_postponed", "provider", "force_majeure"):
        assert state(play(ENTERED, do("declare_exit", reason=reason))) == "left"
    for reason in ("", "bored"):
        assert last(play(ENTERED, do("declare_exit", reason=reason))) == ("incomplete", "F-29")


@pytest.mark.parametrize(
    ("attendance", "percent"),
    [
        ([{"percent": 40}, {"percent": 60}], 60),
        ([{"percent": 100}, {"percent": 0}], 0),
        ([{"hours": 10}, {"hours": 20}], 60),
        ([{"hours": 33.3}], 66),
        ([{"hours": 49.99}], 99),
        ([{"hours": 60}], 100),
        ([{"percent": 10}, {"hours": 30}], 60),
        ([{"hours": 30}, {"percent": 10}], 10),
        ([], 0),
    ],
)
def test_f28_attendance(attendance: list[dict[str, Any]], percent: int) -> None:
    found = play(
        ENTERED,
        [do("attendance", **each) for each in _exact(attendance)],
        do("declare_exit", reason="complete", at=ENDS),
        do("declare_service"),
        do("validate_service"),
    )
    assert state(found) == "service_validated"
    assert sum(sources(found).values()) == 165_000 * percent // 100
    assert learner(found) == (500_000 - 1_500 * percent, 1_500 * percent, 0)


def _exact(attendance: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from_file = {33.3: "33.3", 49.99: "49.99"}
    return [
        {key: Decimal(from_file[value]) if value in from_file else value for key, value in each.items()}
        for each in attendance
    ]


def test_attendance_belongs_to_the_training() -> None:
    for keys in ({"percent": 101}, {}, {"percent": 50, "hours": 5}):
        assert last(play(ENTERED, do("attendance", **keys))) == ("incomplete", None)
    assert last(play(BOOKED, do("attendance", percent=50))) == ("not_allowed", None)
    assert last(play(LEFT, do("attendance", percent=50))) is None
    assert last(play(LEFT, do("declare_service"), do("attendance", percent=50))) == ("not_allowed", None)


def test_hours_that_nobody_planned() -> None:
    unplanned = {"credential": {"hours": None}}
    found = play(LEFT, do("attendance", hours=5), do("declare_service"), **unplanned)
    assert last(found) == ("incomplete", "F-28")
    assert last(play(LEFT, do("attendance", percent=50), do("declare_service"), **unplanned)) is None


def test_a_declared_percent() -> None:
    found = play(
        LEFT, do("attendance", percent=50), do("declare_service", percent=90), do("validate_service")
    )
    assert sum(sources(found).values()) == 148_500
    assert last(play(LEFT, do("declare_service", percent=101))) == ("incomplete", "F-28")
    assert last(play(ENTERED, do("declare_service", percent=90))) == ("not_allowed", None)


def test_f27_a_declared_service_validates_itself() -> None:
    declared = [credit(), accepted(), trained(percent=60)]
    assert state(play(declared, do("advance", None, to="2026-07-03T23:59"))) == "service_declared"
    found = play(declared, do("advance", None, to="2026-07-04T00:00"))
    assert (state(found), learner(found)) == ("service_validated", (410_000, 90_000, 0))
    assert last(play(declared, do("claim"))) == ("too_early", "F-27")
    assert last(play(declared, do("validate_service"), do("validate_service"))) == ("not_allowed", None)


def test_f28_a_tie_goes_to_the_learner_then_in_draw_down_order() -> None:
    # 3 cents from three sources, one third realised: 2 go back, to the learner and to the first source.
    found = play(
        credit(1, "endowment"),
        credit(1, "public"),
        accepted(),
        trained(percent=34),
        do("validate_service"),
        session={"price_cents": 3},
        rules={"participation_cents": 0},
    )
    assert sources(found) == {"public": 1}
    assert learner(found) == (1, 1, 0)


@pytest.mark.parametrize(("proof", "funded", "done"), [
    ([], False, False),
    ([do("certificate")], False, True),
    ([do("exam")], False, False),
    ([do("exam")], True, True),
])  # fmt: skip
def test_n08_where_the_scheme_asks_for_completion(proof: list[Any], funded: bool, done: bool) -> None:
    rules = {"rules": {"attendance_min_percent": 80}, "credential": {"publicly_funded": funded}}
    events = [LEFT, proof, do("attendance", percent=79), do("declare_service")]
    found = play(events, **rules)
    assert last(found) == (None if done else ("incomplete", "N-08"))
    if not done:
        assert last(play(events, do("claim"), **rules)) == ("incomplete", "N-08")
        assert last(play(events, do("attendance", percent=80), do("declare_service"), **rules)) is None


def test_proofs_belong_to_the_training() -> None:
    for proof in ("certificate", "exam"):
        assert last(play(BOOKED, do(proof))) == ("not_allowed", None)
        assert last(play(ENTERED, do(proof))) is None


# -- payment ---------------------------------------------------------------------------------------------


def test_the_way_of_a_payment() -> None:
    service = [credit(), accepted(), validated()]
    assert provider(play(service, do("claim"))) == (0, 0, 0, 0)
    found = play(service, claimed())
    assert (provider(found), learner(found)) == ((165_000, 0, 0, 0), (350_000, 150_000, 0))
    found = play(service, claimed(), do("pay"))
    assert (provider(found), learner(found)) == ((0, 165_000, 0, 0), (350_000, 150_000, 0))
    found = play(service, paid())
    assert (provider(found), learner(found)) == ((0, 0, 165_000, 0), (350_000, 0, 150_000))
    assert (state(found), sources(found)) == ("settled", {"rights": 150_000, "learner": 15_000})


def test_each_step_of_a_payment_waits_for_the_one_before() -> None:
    service = [credit(), accepted(), validated()]
    for step in (
        do("approve_claim"),
        do("pay"),
        do("bank", result="executed"),
        do("recover", amount_cents=1),
    ):
        assert last(play(service, step)) == ("not_allowed", None)
    assert last(play(service, do("claim"), do("pay"))) == ("not_allowed", None)
    assert last(play(service, do("claim"), do("claim"))) == ("not_allowed", None)
    assert last(play(service, claimed(), do("approve_claim"))) == ("not_allowed", None)
    assert last(play(service, claimed(), do("bank", result="executed"))) == ("not_allowed", None)
    assert last(play(service, claimed(), do("pay"), do("pay"))) == ("not_allowed", None)
    for step in (do("claim"), do("approve_claim"), do("pay")):
        assert last(play(service, paid(), step)) == ("already_settled", None)


@pytest.mark.parametrize("result", ["rejected", "returned"])
def test_what_the_bank_sends_back_is_payable_again(result: str) -> None:
    service = [credit(), accepted(), validated(), claimed(), do("pay")]
    found = play(service, do("bank", result=result))
    assert (state(found), provider(found)) == ("service_validated", (165_000, 0, 0, 0))
    found = play(service, do("bank", result=result), do("pay"), do("bank", result="executed"))
    assert refusals(found) == []
    assert (state(found), provider(found)) == ("settled", (0, 0, 165_000, 0))


def test_a_return_after_the_execution() -> None:
    found = play(credit(), accepted(), validated(), paid(), do("bank", result="returned"))
    assert (provider(found), learner(found)) == ((165_000, 0, 0, 0), (350_000, 150_000, 0))
    found = play(
        credit(),
        accepted(),
        validated(),
        paid(),
        do("bank", result="returned"),
        do("pay"),
        do("bank", result="executed"),
    )
    assert refusals(found) == []
    assert provider(found) == (0, 0, 165_000, 0)


def test_the_banks_word_counts_once() -> None:
    executed = do("bank", result="executed")
    found = play(credit(), accepted(), validated(), paid(), executed, executed)
    assert refusals(found) == []
    assert provider(found) == (0, 0, 165_000, 0)
    assert last(play(credit(), accepted(), validated(), paid(), do("bank", result="rejected"))) == (
        "not_allowed",
        None,
    )
    rejected = [credit(), accepted(), validated(), claimed(), do("pay"), do("bank", result="rejected")]
    assert last(play(rejected, executed)) == ("not_allowed", None)


def test_nothing_realised_is_nothing_to_claim() -> None:
    found = play(credit(), accepted(), validated(percent=0), do("claim"))
    assert last(found) == ("incomplete", None)
    assert (learner(found), sources(found)) == ((500_000, 0, 0), {})


def test_denying_consent_after_the_payment() -> None:
    denied = [credit(), accepted(), validated(), paid(), do("deny_consent")]
    found = play(denied)
    assert (state(found), learner(found)) == ("disputed", (500_000, 0, 0))
    assert provider(found)[3] == 165_000
    found = play(denied, do("recover", amount_cents=65_000), do("recover", amount_cents=100_001))
    assert (provider(found)[3], last(found)) == (100_000, ("not_allowed", None))
    found = play(denied, do("recover", amount_cents=165_000))
    assert provider(found)[3] == 0
    found = play(denied, do("resolve", outcome="upheld"))
    assert (state(found), provider(found)[3]) == ("cancelled_by_funder", 165_000)
    found = play(denied, do("resolve", outcome="rejected"))
    assert (state(found), learner(found), provider(found)) == (
        "settled",
        (350_000, 0, 150_000),
        (0, 0, 165_000, 0),
    )
    assert last(play(denied, do("recover", amount_cents=0))) == ("not_allowed", None)


def test_denying_consent_while_the_money_is_on_its_way() -> None:
    sent = [credit(), accepted(), validated(), claimed(), do("pay"), do("deny_consent")]
    found = play(sent, do("bank", result="executed"))
    assert (state(found), learner(found), provider(found)[3]) == ("disputed", (500_000, 0, 0), 165_000)
    found = play(sent, do("bank", result="rejected"))
    assert (state(found), provider(found)) == ("disputed", (165_000, 0, 0, 0))
    assert last(play(sent, do("bank", result="rejected"), do("pay"))) == ("on_hold", None)


def test_f31_an_advance() -> None:
    entered = [credit(), accepted(), do("declare_entry", at=STARTS)]
    long = {"session": LONG}
    early = [entered, do("claim", advance=True, at="2026-07-21T23:59")]
    assert last(play(early, **long)) == ("too_early", "F-31")
    assert last(play(credit(), accepted(), do("claim", advance=True), **long)) == ("too_early", "F-31")
    assert last(play(entered, do("claim", advance=True, at="2026-08-01"))) == ("not_allowed", "F-31")
    advance = [entered, do("claim", advance=True, at="2026-07-22"), do("approve_claim"), do("pay")]
    found = play(advance, do("bank", result="executed"), **long)
    assert (state(found), provider(found)) == ("in_training", (0, 0, 41_250, 0))
    assert learner(found) == (350_000, 112_500, 37_500)
    rest = [
        do("declare_exit", reason="complete", at="2026-10-30T17:00"),
        do("declare_service", percent=100),
        do("validate_service"),
        paid(),
    ]
    found = play(advance, do("bank", result="executed"), rest, **long)
    assert (state(found), provider(found), learner(found)) == (
        "settled",
        (0, 0, 165_000, 0),
        (350_000, 0, 150_000),
    )
    more = {"rules": {"advance_percent": 50}, "session": LONG}
    assert provider(play(advance, **more))[1] == 82_500


def test_f31_an_advance_beyond_the_realised_share_is_owed() -> None:
    found = play(
        credit(),
        accepted(),
        do("declare_entry", at=STARTS),
        do("claim", advance=True, at="2026-07-22"),
        do("approve_claim"),
        do("pay"),
        do("bank", result="executed"),
        do("declare_exit", reason="learner", at="2026-07-23"),
        do("declare_service", percent=10),
        do("validate_service"),
        session=LONG,
    )
    assert sum(sources(found).values()) == 16_500
    assert provider(found)[3] == 41_250 - 16_500
    assert learner(found)[0] == 500_000 - 15_000


def test_an_account_that_is_none_cannot_be_paid() -> None:
    payable = [credit(), accepted(), validated(), claimed()]
    found = play(payable, do("pay"), provider={"iban": "FR7630006000011234567890188"})
    assert (last(found), provider(found)) == (("incomplete", None), (165_000, 0, 0, 0))
    mended = do("set_provider", None, provider="P1", iban=OTHER_IBAN)
    assert last(play(payable, mended, do("pay"), provider={"iban": "nonsense"})) is None
    assert last(play(payable, do("pay"), provider={"iban": None})) is None
    assert last(play(do("set_provider", None, provider="P1", iban="nonsense"))) == ("not_allowed", None)


# -- holds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [{"booking": "B1"}, {"provider": "P1"}, {"session": "S1"}])
def test_a_hold_stops_money_and_acceptance(scope: dict[str, str]) -> None:
    hold = do("hold", None, reason="inspection", until="2026-12-31", **scope)
    release = do("release_hold", None, **scope)
    found = play(credit(), proposed(), hold, do("accept"), release, do("accept"))
    assert refusals(found) == [(4, "on_hold", None)]
    declared = [credit(), accepted(), trained(), hold, do("validate_service")]
    assert last(play(declared)) == ("on_hold", None)
    for steps in ([], [do("claim")], [do("claim"), do("approve_claim")]):
        blocked = [do("claim"), do("approve_claim"), do("pay")][len(steps)]
        found = play(credit(), accepted(), validated(), steps, hold, blocked, release, blocked)
        assert [code for _, code, _ in refusals(found)] == ["on_hold"]


def test_n16_a_hold_has_a_reason_and_an_end() -> None:
    for keys in ({}, {"reason": "x"}, {"until": "2026-12-31"}, {"reason": "x", "until": "2026-05-03"}):
        assert last(play(request(), do("hold", **keys))) == ("incomplete", "N-16")
    assert last(play(request(), do("hold", reason="x", until="2026-05-04"))) is None
    assert last(play(request(), do("release_hold"))) == ("not_allowed", None)


def test_f27_a_service_under_control_waits_for_the_end_of_the_hold() -> None:
    held = [credit(), accepted(), trained(), do("hold", reason="inspection", until="2026-07-10")]
    assert state(play(held, do("advance", None, to="2026-07-10T23:59"))) == "service_declared"
    assert state(play(held, do("advance", None, to="2026-07-11T00:00"))) == "service_validated"
    released = [held, do("release_hold", at="2026-07-08")]
    assert state(play(released)) == "service_validated"
    assert last(play(released, do("claim"))) is None


# -- accreditation ---------------------------------------------------------------------------------------


def test_a_suspended_provider() -> None:
    suspend, resume = do("suspend", None, provider="P1"), do("resume", None, provider="P1")
    found = play(credit(), proposed(), suspend, do("accept"), request("B2"), resume, do("accept"))
    assert refusals(found) == [(4, "not_accredited", "F-17"), (5, "not_accredited", "F-17")]
    assert last(play(request(), suspend, do("propose"))) == ("not_accredited", "F-17")
    assert last(play(suspend, suspend)) == ("not_allowed", None)
    assert last(play(resume)) == ("not_allowed", None)
    assert last(play(suspend, providers=[{"id": "P1"}])) == ("not_allowed", None)
    # What was accepted before stays; it may not begin while suspended, but what has begun goes on.
    entry = do("declare_entry", at=STARTS)
    assert last(play(BOOKED, suspend, entry)) == ("not_accredited", "F-17")
    assert last(play(BOOKED, suspend, entry, resume, do("declare_entry"))) is None
    begun = [
        ENTERED,
        suspend,
        do("declare_exit", reason="complete", at=ENDS),
        do("declare_service", percent=100),
    ]
    assert state(play(begun, do("validate_service"), paid())) == "settled"
    found = play(BOOKED, suspend, do("withdraw"))
    assert (state(found), learner(found)) == ("withdrawn", (500_000, 0, 0))


def test_a_suspended_credential() -> None:
    suspend, resume = do("suspend", None, credential="C1"), do("resume", None, credential="C1")
    found = play(credit(), proposed(), suspend, do("accept"), request("B2"), resume, do("accept"))
    assert refusals(found) == [(4, "not_accredited", "F-17"), (5, "not_accredited", "F-17")]
    assert last(play(BOOKED, suspend, do("declare_entry", at=STARTS))) == ("not_accredited", "F-17")
    assert last(play(suspend, suspend)) == ("not_allowed", None)
    assert last(play(resume)) == ("not_allowed", None)


def test_a_programme_of_its_own_accreditation() -> None:
    both: dict[str, Any] = {"rules": {"accreditation": "both"}}
    assert refusals(play(request(), **both)) == [(0, "not_accredited", "F-17")]
    listed: dict[str, Any] = {"credential": {"accredited_from": "2026-01-01"}, **both}
    assert last(play(credit(), accepted(), **listed)) is None
    found = play(credit(), proposed(), do("suspend", None, credential="C1"), do("accept"), **listed)
    assert last(found) == ("not_accredited", "F-17")
    listed = {"credential": {"accredited_until": "2026-05-04"}, **both}
    found = play(credit(), proposed(), do("accept", at="2026-05-05"), **listed)
    assert last(found) == ("not_accredited", "F-17")
    # A programme alone: its provider needs none.
    alone = {"rules": {"accreditation": "programme"}, "providers": [{"id": "P1"}]}
    assert last(play(credit(), accepted(), credential={"accredited_from": "2026-01-01"}, **alone)) is None


def test_the_days_of_an_accreditation_change() -> None:
    ends = do("set_provider", None, provider="P1", accredited_until="2026-05-04")
    assert last(play(credit(), proposed(), ends, do("accept"))) is None
    assert last(play(credit(), proposed(), ends, do("accept", at="2026-05-05"))) == ("not_accredited", "F-17")
    # In the past: what was accepted before stays accepted under an accreditation that stood.
    past = do("set_provider", None, provider="P1", accredited_until="2026-05-01")
    found = play(BOOKED, past, do("declare_entry", at=STARTS))
    assert (state(found), last(found)) == ("accepted", ("not_accredited", "F-17"))
    anew = do("set_provider", None, provider="P1", accredited_from="2026-05-01", accredited_until=None)
    assert last(play(credit(), anew, accepted(), providers=[{"id": "P1"}])) is None
    suspended = [do("suspend", None, provider="P1"), anew, request()]
    assert last(play(suspended)) == ("not_accredited", "F-17")
    assert last(play(suspended[:2], do("resume", None, provider="P1"), request())) is None
    back = do("set_provider", None, provider="P1", accredited_until="2024-01-01")
    assert last(play(back)) == ("not_allowed", None)
    nothing = do("set_provider", None, provider="P1", accredited_from=None, accredited_until=None)
    assert last(play(nothing, request())) == ("not_accredited", "F-17")
