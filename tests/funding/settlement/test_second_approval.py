"""What is claimed above a scheme's limit is approved by two persons, whichever parts it is claimed in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from django.db import DatabaseError, transaction

from accounts.models import User
from accounts.services import service_users
from fraud.detection.registry import DETECTORS
from fraud.detection.runs import detect_live
from fraud.models import LIVE, FeedCursor
from fraud.services import feeds
from funding.audit import runner
from funding.models import Claim, ClaimApproval, ClaimKind, JournalEntry
from funding.selectors.agency_claims import fingerprint
from funding.services import batches, bookings, claim_approvals, claims, holds
from funding.services.claim_decisions import decide_claims
from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory
from tests.funding.bookings.course import LONG_ENDS, advance_paid, taught, validated
from tests.support.parallel import codes, meeting, together, unlocked
from tests.support.rules import scheme_with
from tests.support.world import ENDS, MONDAY, World

# The sessions of a World cost as much.
PRICE = 165_000


@pytest.fixture
def hand() -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


def world_above(cents: int | None) -> World:
    return World(scheme=scheme_with(second_approval_above_cents=cents))


def submitted(world: World, hand: VirtualClock) -> Claim:
    booking = validated(world, world.make_learner(), hand)
    return claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)


def approve(actor: User, claim: Claim) -> Claim:
    return claims.approve_claim(actor=actor, claim_id=claim.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [None, PRICE, PRICE + 1])
def test_up_to_the_limit_one_person_is_enough(hand: VirtualClock, limit: int | None) -> None:
    world = world_above(limit)
    claim = approve(world.payer, submitted(world, hand))
    assert (claim.state, claim.approver) == ("approved", world.payer)
    assert not ClaimApproval.objects.exists()


@pytest.mark.django_db
def test_above_it_two_persons_approve(hand: VirtualClock) -> None:
    world = world_above(PRICE - 1)
    claim, entries = submitted(world, hand), JournalEntry.objects.count()
    first = approve(world.payer, claim)
    assert (first.state, first.approver_id, first.log.count()) == ("submitted", None, 2)
    # Nothing is payable yet, in the books or for a batch.
    assert JournalEntry.objects.count() == entries
    with pytest.raises(DomainError):
        batches.create_batch(actor=world.third_payer, scheme=world.scheme, claim_ids=[claim.pk])
    with pytest.raises(DomainError, match="not_allowed") as once:
        approve(world.payer, claim)
    assert once.value.params["reason"] == "approved_once"
    second = approve(world.second_payer, claim)
    assert (second.state, second.approver) == ("approved", world.second_payer)
    assert ClaimApproval.objects.get().approver == world.payer
    with pytest.raises(DomainError, match="not_allowed"):
        approve(world.third_payer, claim)
    # The rule about the batch is the same as ever: whoever approved it in the end is not its author.
    with pytest.raises(DomainError):
        batches.create_batch(actor=world.second_payer, scheme=world.scheme, claim_ids=[claim.pk])
    with pytest.raises(DatabaseError), transaction.atomic():
        ClaimApproval.objects.update(approver=world.third_payer)


@pytest.mark.django_db
def test_who_may_not_approve_gives_no_first_approval_either(hand: VirtualClock) -> None:
    world = world_above(0)
    claim = submitted(world, hand)
    auditor = MembershipFactory.create(organisation=world.agency, role="auditor").user
    MembershipFactory.create(organisation=world.agency, role="payment_officer", user=world.provider_user)
    stranger = world.user_of(world.make_provider())
    for who in (world.case_worker, auditor, stranger, world.provider_user, service_users.get("clock")):
        with pytest.raises(DomainError, match="not_allowed"):
            approve(who, claim)
    assert not ClaimApproval.objects.exists()
    # Not even where the platform wrote the claim's first approval by hand: the author is neither.
    approve(world.payer, claim)
    with pytest.raises(DomainError, match="not_allowed"):
        approve(world.provider_user, claim)


@pytest.mark.django_db
def test_what_comes_between_the_two_counts(hand: VirtualClock) -> None:
    world = world_above(0)
    claim = submitted(world, hand)
    approve(world.payer, claim)
    until = clock.now() + timedelta(days=3)
    hold = holds.place_hold(owner=world.case_worker, reason="x", until=until, booking=claim.booking)
    with pytest.raises(DomainError, match="on_hold"):
        approve(world.second_payer, claim)
    holds.release_hold(actor=world.case_worker, hold_id=hold.pk)
    # Rejected, a new claim begins anew.
    claims.reject_claim(actor=world.second_payer, claim_id=claim.pk, reason="no certificate")
    again = claims.claim_booking(actor=world.provider_user, booking_id=claim.booking_id)
    assert approve(world.second_payer, again).state == "submitted"
    assert approve(world.payer, again).state == "approved"


@pytest.mark.django_db
def test_parts_of_one_booking_are_not_smaller_claims(hand: VirtualClock) -> None:
    world = world_above(PRICE - 1)
    booking = advance_paid(world, world.make_learner(), hand)
    hand.move(LONG_ENDS)
    taught(world, booking, percent=100)
    bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    final = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    assert final.kind == ClaimKind.FINAL
    assert final.amount_cents < PRICE - 1
    assert approve(world.payer, final).state == "submitted"
    assert approve(world.second_payer, final).state == "approved"
    # Own money that goes back is nobody's claim.
    assert claim_approvals.limit_of(Claim(kind=ClaimKind.REFUND, booking=booking)) is None


@pytest.mark.django_db
def test_the_audit_misses_a_second_approval(hand: VirtualClock) -> None:
    world = world_above(PRICE - 1)
    good, bad = submitted(world, hand), None
    approve(world.payer, good)
    approve(world.second_payer, good)
    with clock.at(MONDAY) as earlier:
        bad = submitted(world, earlier)
    with patch.object(claim_approvals, "needs_two", return_value=False):
        approve(world.payer, bad)
    hand.move(ENDS + timedelta(days=10))
    batch = batches.create_batch(actor=world.third_payer, scheme=world.scheme, claim_ids=[good.pk, bad.pk])
    (payment,) = batch.payments.filter(claim=bad)
    (seven,) = runner.run(only={7}).invariants
    assert [(each.code, each.row) for each in seven.findings] == [
        ("claim_lacks_its_second_approval", f"payment:{payment.pk}")
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("committed_db")
def test_two_officers_at_the_same_moment(hand: VirtualClock) -> None:
    """Whoever comes second gives the second approval; one person twice gives one."""
    world = world_above(0)
    claim = submitted(world, hand)
    assert codes(together(*[partial(approve, world.payer, claim)] * 2)) == ["not_allowed", "ok"]
    assert Claim.objects.get(pk=claim.pk).state == "submitted"
    others = [partial(approve, who, claim) for who in (world.second_payer, world.third_payer)]
    assert codes(together(*others)) == ["not_allowed", "ok"]
    assert Claim.objects.get(pk=claim.pk).state == "approved"
    with clock.at(MONDAY) as earlier:
        fresh = submitted(world, earlier)
    assert codes(together(*[partial(approve, who, fresh) for who in (world.payer, world.second_payer)])) == [
        "ok",
        "ok",
    ]
    done = Claim.objects.get(pk=fresh.pk)
    assert {done.approver, done.first_approval.approver} == {world.payer, world.second_payer}
    assert JournalEntry.objects.filter(kind="approve_claim").count() == 2


@pytest.mark.slow
@pytest.mark.usefixtures("committed_db")
def test_two_first_approvals_meet_without_the_lock(
    hand: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: both find no approval before theirs, and one is lost. Behind the lock the second is the second."""
    world = world_above(0)
    claim = submitted(world, hand)
    acts = [partial(approve, who, claim) for who in (world.payer, world.second_payer)]
    asked = claim_approvals.first_approval_of
    with meeting(2) as meet:

        def ask_and_meet(wanted: Claim) -> ClaimApproval | None:
            found = asked(wanted)
            meet()
            return found

        monkeypatch.setattr(claim_approvals, "first_approval_of", ask_and_meet)
        with unlocked():
            assert codes(together(*acts)) == ["IntegrityError", "ok"]
    assert Claim.objects.get(pk=claim.pk).state == "submitted"
    monkeypatch.undo()
    with clock.at(MONDAY) as earlier:
        fresh = submitted(world, earlier)
    acts = [partial(approve, who, fresh) for who in (world.payer, world.second_payer)]
    with meeting(2) as meet:
        monkeypatch.setattr(claim_approvals, "first_approval_of", ask_and_meet)
        assert codes(together(*acts)) == ["ok", "ok"]
    assert Claim.objects.get(pk=fresh.pk).state == "approved"


@pytest.mark.django_db
def test_what_was_shown_before_the_first_approval_is_looked_at_again(hand: VirtualClock) -> None:
    world = world_above(0)
    claim = submitted(world, hand)
    shown = {claim.pk: claim_fingerprint(Claim.objects.get(pk=claim.pk))}
    assert decide_claims(actor=world.payer, seen=shown, approve=True).done
    decided = decide_claims(actor=world.second_payer, seen=shown, approve=True)
    assert [refused.code for _, refused in decided.left_out] == ["claim_changed"]
    again = {claim.pk: claim_fingerprint(Claim.objects.get(pk=claim.pk))}
    (done,) = decide_claims(actor=world.second_payer, seen=again, approve=True).done
    assert done.state == "approved"


def claim_fingerprint(claim: Claim) -> str:
    return fingerprint(claim, claim.booking)


def rows(table: str) -> list[dict[str, Any]]:
    return list(LIVE[table]._default_manager.order_by("id").values())


def found_hugging() -> list[Any]:
    assert feeds.catch_up().failed == {}
    result = detect_live(day=clock.now().date(), detectors=[DETECTORS["D20"]])
    assert (result.not_run, result.failed) == ({}, {})
    return [alert.finding for alert in result.alerts]


@pytest.mark.django_db
def test_d20_just_under_the_limit_of_two_persons(hand: VirtualClock) -> None:
    # A CPF learner pays a part themselves: what is public money of each booking is what the limit is about.
    world = world_above(PRICE)
    for _ in range(12):
        world.accepted(world.make_learner())
    feeds.catch_up()
    public = rows("bookings")[0]["amount_cents"]
    assert "D20" not in feeds.blind_detectors()
    # Far below the limit nobody hugs it.
    assert found_hugging() == []
    close = World(scheme=scheme_with(second_approval_above_cents=public + 1_000), agency=world.agency)
    kinds = {row["kind"]: row["approval_limit_cents"] for row in rows("limits")}
    assert kinds["rs"] == PRICE
    for _ in range(12):
        close.accepted(close.make_learner())
    hand.move(clock.now() + timedelta(days=1))
    (alert,) = [each for each in found_hugging() if each.provider_id == str(close.provider.pk)]
    assert (alert.action, len(alert.evidence)) == ("R", 12)
    assert feeds.compare_everything().total == 0
    FeedCursor.objects.update(settled_id=0, read_id=0, pending_id=0, pending_xid=0)
    assert feeds.catch_up().total == 0


@pytest.mark.django_db
def test_without_a_limit_d20_is_told_as_not_run_and_the_caps_stay(hand: VirtualClock) -> None:
    world = World(scheme=scheme_with(usage_cap_cents={"rs": 150_000}))
    feeds.catch_up()
    before = list(LIVE["limits"]._default_manager.values_list("kind", "cap_cents", "approval_limit_cents"))
    assert ("rs", 150_000, None) in before
    assert "D20" in feeds.blind_detectors()
    version = world.scheme.versions.latest("valid_from")
    later = {**version.rules, "usage_cap_cents": {}, "second_approval_above_cents": 90_000}
    world.scheme.versions.filter(pk=version.pk).update(valid_until=MONDAY.date() + timedelta(days=1))
    world.scheme.versions.create(
        valid_from=MONDAY.date() + timedelta(days=1),
        rules=later,
        author=version.author,
        approver=version.approver,
    )
    feeds.catch_up()
    last = [row for row in rows("limits") if row["kind"] == "rs"][-1]
    # A row says all that holds of its kind from its day on: the cap is not forgotten with the limit.
    assert (last["cap_cents"], last["approval_limit_cents"]) == (150_000, 90_000)
    assert "D20" not in feeds.blind_detectors()
