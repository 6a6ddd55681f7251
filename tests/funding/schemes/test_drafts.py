"""Rules written by one person and put into force by another; what was booked before keeps its rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from accounts.services import service_users
from funding import audit
from funding.models import Booking, DraftKind, Scheme, SchemeDraft, SchemeVersion, version_on
from funding.schemes.drafting import HEAD
from funding.schemes.rules import SchemeRules
from funding.services import bookings, scheme_drafts, windows
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import UserFactory
from tests.factories.funding import SchemeFactory
from tests.funding.schemes.drafts import Office, new_scheme
from tests.support.queries import captured_queries
from tests.support.world import MONDAY, World

pytestmark = pytest.mark.django_db

TODAY = MONDAY.date()
JUNE_3 = date(2026, 6, 3)


@pytest.fixture
def hand() -> Iterator[clock.VirtualClock]:
    with clock.at(MONDAY) as moving:
        yield moving


@pytest.fixture
def office(hand: clock.VirtualClock) -> Office:
    return Office()


def refused(act: Callable[..., object], **given: Any) -> DomainError:
    with pytest.raises(DomainError) as caught:
        act(**given)
    return caught.value


def test_rules_of_two_persons_hold_from_their_first_day_on(office: Office) -> None:
    before = version_on(office.scheme, TODAY)
    version = office.in_force(participation_cents=17_500)
    assert (version.valid_from, version.valid_until) == (JUNE_3, None)
    assert (version.author, version.approver) == (office.author, office.approver)
    assert version_on(office.scheme, JUNE_3 - timedelta(days=1)) == before
    assert version_on(office.scheme, JUNE_3).parsed.participation_cents == 17_500
    before.refresh_from_db()
    assert before.valid_until == JUNE_3
    draft = SchemeDraft.objects.get()
    assert [(row.transition, row.actor) for row in draft.log.order_by("pk")] == [
        ("create", office.author),
        ("propose", office.author),
        ("approve", office.approver),
    ]
    assert (draft.state, draft.version) == ("approved", version)
    assert audit.run().ok


def test_a_booking_keeps_the_rules_it_was_made_under(hand: clock.VirtualClock) -> None:
    world = World()
    office = Office(world.scheme)
    learner, later = world.make_learner(), world.make_learner()
    starts, ends = MONDAY + timedelta(days=120), MONDAY + timedelta(days=124)
    session = world.make_session(starts_at=starts, ends_at=ends)
    booking = world.accepted(learner, session)
    office.in_force(participation_cents=20_000, withdrawal_wd=1)
    hand.move(datetime(2026, 6, 8, 9, tzinfo=UTC))
    second = world.accepted(later, session)
    assert rules_of(second).participation_cents == 20_000
    kept = type(booking).objects.select_related("scheme_version").get(pk=booking.pk)
    assert rules_of(kept).participation_cents == 15_000
    own = {one.booking_id: one.amount_cents for one in _own_money(booking, second)}
    assert own == {booking.pk: 15_000, second.pk: 20_000}
    # Fourteen working days to withdraw then, one now.
    hand.move(datetime(2026, 6, 10, 9, tzinfo=UTC))
    assert refused(bookings.withdraw, actor=later.user, booking_id=second.pk).rule == "F-23"
    assert rules_of(kept).withdrawal_wd == 14
    assert audit.run().ok


def rules_of(booking: Booking) -> SchemeRules:
    assert booking.scheme_version is not None
    return booking.scheme_version.parsed


def _own_money(*made: Any) -> list[Any]:
    return [one for booking in made for one in booking.allocations.filter(source="learner")]


def test_a_new_scheme_begins_on_its_first_day(office: Office) -> None:
    draft = scheme_drafts.create_draft(actor=office.author, content=new_scheme())
    scheme_drafts.propose_draft(actor=office.author, draft_id=draft.public_id)
    assert not Scheme.objects.filter(code="region").exists()
    made = office.approve(draft)
    scheme = Scheme.objects.get(code="region")
    assert (scheme.name, scheme.country, scheme.timezone, scheme.currency) == (
        "The region's account",
        "CH",
        "Europe/Zurich",
        "CHF",
    )
    assert made.scheme == scheme
    assert scheme.versions.get() == made.version
    again = scheme_drafts.create_draft(actor=office.author, content=new_scheme())
    error = refused(scheme_drafts.propose_draft, actor=office.author, draft_id=again.public_id)
    assert (error.code, error.params["reason"]) == ("overlap", "code_taken")


def test_the_author_cannot_approve_nor_can_anybody_but_a_manager(office: Office) -> None:
    draft = office.proposed()
    others = [
        office.author,
        UserFactory.create(),
        service_users.get("clock"),
        *[
            office.member(role)
            for role in ("case_worker", "payment_officer", "auditor", "investigator", "staff")
        ],
    ]
    for actor in others:
        assert refused(office.approve, draft=draft, actor=actor).status == 403
        given: dict[str, Any] = {"actor": actor, "draft_id": draft.public_id}
        assert refused(scheme_drafts.reject_draft, **given, reason="no").code == "not_allowed"
        if actor != office.author:
            assert refused(scheme_drafts.take_back_draft, **given).code == "not_allowed"
            assert refused(scheme_drafts.create_draft, actor=actor, content={}).status == 403
            version = version_on(office.scheme, TODAY)
            assert (
                refused(scheme_drafts.propose_withdrawal, actor=actor, version=version, reason="x").status
                == 403
            )
    assert office.spans()[-1][1] is None
    assert SchemeDraft.objects.get().state == "proposed"


def test_a_member_who_left_may_no_longer_approve(office: Office) -> None:
    draft = office.proposed()
    membership = office.approver.memberships.get()
    membership.ended_at = clock.now()
    membership.save()
    assert refused(office.approve, draft=draft).status == 403


def test_nobody_edits_another_persons_draft(office: Office) -> None:
    draft = office.draft()
    error = refused(
        scheme_drafts.edit_draft, actor=office.approver, draft_id=draft.public_id, content=office.content()
    )
    assert (error.code, error.status) == ("not_allowed", 403)


def test_approving_twice_is_approving_once(office: Office) -> None:
    draft = office.proposed(participation_cents=1)
    first = office.approve(draft)
    given: dict[str, Any] = {"actor": office.approver, "draft_id": draft.public_id}
    again = scheme_drafts.approve_draft(
        **given, content_hash=first.content_hash, timeline_hash="what was before it"
    )
    assert again.version == first.version
    assert office.scheme.versions.filter(valid_from=JUNE_3).count() == 1
    third = office.member("manager")
    error = refused(
        scheme_drafts.approve_draft,
        actor=third,
        draft_id=draft.public_id,
        content_hash=first.content_hash,
        timeline_hash="x",
    )
    assert error.code == "not_allowed"


def test_what_was_changed_in_between_is_not_what_is_approved(office: Office) -> None:
    draft = office.proposed(participation_cents=1)
    seen, timeline = draft.content_hash, scheme_drafts.timeline_of(office.scheme)
    given: dict[str, Any] = {"actor": office.author, "draft_id": draft.public_id}
    scheme_drafts.take_back_draft(**given)
    scheme_drafts.edit_draft(**given, content=office.content(participation_cents=999_999))
    scheme_drafts.propose_draft(**given)
    error = refused(
        scheme_drafts.approve_draft,
        actor=office.approver,
        draft_id=draft.public_id,
        content_hash=seen,
        timeline_hash=timeline,
    )
    assert error.code == "draft_changed"
    assert not office.scheme.versions.filter(valid_from=JUNE_3).exists()


def test_rules_that_changed_since_the_preview_are_shown_again(office: Office) -> None:
    draft, other = office.proposed(30), office.proposed(10)
    seen, timeline = draft.content_hash, scheme_drafts.timeline_of(office.scheme)
    office.approve(other)
    given: dict[str, Any] = {"actor": office.approver, "draft_id": draft.public_id, "content_hash": seen}
    assert refused(scheme_drafts.approve_draft, **given, timeline_hash=timeline).code == "rules_changed"
    office.approve(draft)
    assert [first for first, _ in office.spans()][-2:] == [date(2026, 5, 14), JUNE_3]


def test_the_database_keeps_a_proposal_as_it_is(office: Office) -> None:
    draft = office.proposed()
    changes: list[dict[str, Any]] = [
        {"content": {}},
        {"author": office.approver},
        {"kind": "withdrawal"},
    ]
    for changed in changes:
        with pytest.raises(DatabaseError), transaction.atomic():
            SchemeDraft.objects.filter(pk=draft.pk).update(**changed)


def test_an_edit_of_what_changed_meanwhile_is_refused(office: Office) -> None:
    draft = office.draft()
    given: dict[str, Any] = {
        "actor": office.author,
        "draft_id": draft.public_id,
        "content_hash": draft.content_hash,
    }
    scheme_drafts.edit_draft(**given, content=office.content(participation_cents=3))
    error = refused(scheme_drafts.edit_draft, **given, content=office.content(participation_cents=4))
    assert error.code == "draft_changed"
    assert SchemeDraft.objects.get().content["rules"]["participation_cents"] == 3


def test_a_faulty_draft_is_kept_and_never_proposed(office: Office) -> None:
    content = office.content(cap_cents=1, participation_cents="a lot", draw_order="rights")
    draft = scheme_drafts.create_draft(actor=office.author, content=content, scheme=office.scheme)
    assert SchemeDraft.objects.get().content["rules"]["participation_cents"] == "a lot"
    named = {
        name: fault.code for fault in scheme_drafts.check_draft(draft).faults for name in fault.parameters
    }
    assert named["participation_cents"] == named["draw_order"] == "bad_value"
    error = refused(scheme_drafts.propose_draft, actor=office.author, draft_id=draft.public_id)
    assert error.code == "draft_faulty"
    assert "participation_cents" in error.params["faults"]
    assert SchemeDraft.objects.get().state == "draft"


def test_the_head_of_a_scheme_never_changes(office: Office) -> None:
    content = office.content() | {"currency": "CHF", "name": "Another", "code": "other"}
    draft = scheme_drafts.create_draft(actor=office.author, content=content, scheme=office.scheme)
    assert {name: draft.content[name] for name in HEAD} == {
        name: getattr(office.scheme, name) for name in HEAD
    }
    content["rules"]["country"] = "DE"
    draft = scheme_drafts.edit_draft(actor=office.author, draft_id=draft.public_id, content=content)
    assert [fault.code for fault in scheme_drafts.check_draft(draft).faults] == ["fixed"]


@pytest.mark.parametrize("days", [-400, -1, 0])
def test_a_first_day_that_has_begun_is_refused(office: Office, days: int) -> None:
    draft = office.draft(days)
    error = refused(scheme_drafts.propose_draft, actor=office.author, draft_id=draft.public_id)
    assert (error.code, error.params["earliest"]) == ("too_late", "2026-05-05")


def test_a_proposal_whose_day_has_come_is_refused(office: Office, hand: clock.VirtualClock) -> None:
    draft = office.proposed(1)
    # Half an hour before midnight in Paris: an acceptance might meet it half-way.
    hand.move(datetime(2026, 5, 4, 21, 30, tzinfo=UTC))
    assert refused(office.approve, draft=draft).code == "too_late"
    scheme_drafts.reject_draft(actor=office.approver, draft_id=draft.public_id, reason="too late")


def test_days_are_those_of_the_scheme(office: Office, hand: clock.VirtualClock) -> None:
    singapore = Office(SchemeFactory.create(code="skillsfuture"))
    hand.move(datetime(2026, 5, 4, 17, tzinfo=UTC))  # the 5th, one in the morning, in Singapore
    draft = singapore.draft(1)
    error = refused(scheme_drafts.propose_draft, actor=singapore.author, draft_id=draft.public_id)
    assert error.params["earliest"] == "2026-05-06"
    assert office.proposed(1).state == "proposed"


def test_two_versions_never_begin_on_one_day(office: Office) -> None:
    first, second = office.proposed(participation_cents=1), office.proposed(participation_cents=2)
    office.approve(first)
    assert refused(office.approve, draft=second).code == "overlap"
    assert office.scheme.versions.get(valid_from=JUNE_3).parsed.participation_cents == 1


def test_a_version_between_two_others(office: Office) -> None:
    office.in_force(60)
    office.in_force(30)
    spans = office.spans()
    assert spans[-2:] == [(JUNE_3, date(2026, 7, 3)), (date(2026, 7, 3), None)]
    assert all(until == first for (_, until), (first, _) in pairwise(spans))


def test_a_version_that_has_not_begun_is_replaced(office: Office) -> None:
    coming = office.in_force(30, participation_cents=1)
    better = office.draft(20, replaces=coming, participation_cents=2)
    scheme_drafts.propose_draft(actor=office.author, draft_id=better.public_id)
    office.approve(better)
    coming.refresh_from_db()
    assert coming.withdrawn_at == MONDAY
    assert office.spans()[-1] == (date(2026, 5, 24), None)
    assert version_on(office.scheme, JUNE_3).parsed.participation_cents == 2
    assert SchemeVersion.with_withdrawn.filter(scheme=office.scheme, valid_from=JUNE_3).count() == 1


def test_replaced_on_the_same_day(office: Office) -> None:
    coming = office.in_force(30, participation_cents=1)
    better = office.draft(30, replaces=coming, participation_cents=2)
    scheme_drafts.propose_draft(actor=office.author, draft_id=better.public_id)
    office.approve(better)
    assert office.scheme.versions.get(valid_from=JUNE_3).parsed.participation_cents == 2


def test_a_version_that_has_not_begun_is_withdrawn_by_two(office: Office) -> None:
    before = office.spans()
    coming = office.in_force(30)
    given: dict[str, Any] = {"actor": office.author, "version": coming}
    assert refused(scheme_drafts.propose_withdrawal, **given, reason=" ").code == "incomplete"
    draft = scheme_drafts.propose_withdrawal(**given, reason="the decree was annulled")
    assert (draft.kind, draft.state) == (DraftKind.WITHDRAWAL, "proposed")
    assert office.spans() != before
    assert refused(office.approve, draft=draft, actor=office.author).status == 403
    office.approve(draft)
    assert office.spans() == before
    assert refused(scheme_drafts.propose_withdrawal, **given, reason="again").code == "not_allowed"
    assert audit.run().ok


def test_what_has_begun_is_not_withdrawn(office: Office, hand: clock.VirtualClock) -> None:
    coming = office.in_force(30)
    draft = scheme_drafts.propose_withdrawal(actor=office.author, version=coming, reason="no")
    hand.move(MONDAY + timedelta(days=30))
    error = refused(office.approve, draft=draft)
    assert (error.code, error.params["reason"]) == ("too_late", "version_begun")
    assert (
        refused(scheme_drafts.propose_withdrawal, actor=office.author, version=coming, reason="no").code
        == "too_late"
    )


def test_an_announced_window_keeps_its_rules(office: Office, hand: clock.VirtualClock) -> None:
    stap = Office(SchemeFactory.create(code="stap"))
    opens = MONDAY + timedelta(days=40)
    windows.open_window(
        actor=stap.author,
        scheme=stap.scheme,
        name="June",
        budget_cents=100,
        opens_at=opens,
        closes_at=opens + timedelta(days=2),
    )
    account = {"funding": "account", "grant_cents": None, "draw_order": [["rights"]]}
    error = refused(stap.in_force, **account)
    assert (error.code, error.rule) == ("windows_depend", "N-03")
    assert stap.in_force(50, **account).parsed.funding == "account"


def test_a_rejection_says_why_and_may_be_taken_up_again(office: Office) -> None:
    draft = office.proposed()
    given: dict[str, Any] = {"draft_id": draft.public_id}
    assert refused(scheme_drafts.reject_draft, **given, actor=office.approver, reason="").code == "incomplete"
    scheme_drafts.reject_draft(**given, actor=office.approver, reason="The sum is not covered by the budget.")
    assert SchemeDraft.objects.get().log.latest("pk").reason == "The sum is not covered by the budget."
    scheme_drafts.revise_draft(**given, actor=office.author)
    scheme_drafts.edit_draft(**given, actor=office.author, content=office.content(participation_cents=1))
    scheme_drafts.propose_draft(**given, actor=office.author)
    office.approve(draft)
    assert version_on(office.scheme, JUNE_3).parsed.participation_cents == 1


def test_a_draft_given_up_is_kept(office: Office) -> None:
    draft = office.draft()
    scheme_drafts.discard_draft(actor=office.author, draft_id=draft.public_id)
    assert SchemeDraft.objects.get().state == "discarded"
    assert (
        refused(scheme_drafts.edit_draft, actor=office.author, draft_id=draft.public_id, content={}).params[
            "state"
        ]
        == "discarded"
    )


def test_a_draft_that_is_not_there(office: Office) -> None:
    assert refused(scheme_drafts.propose_draft, actor=office.author, draft_id=uuid4()).status == 404


def test_a_version_of_another_scheme_is_not_replaced(office: Office) -> None:
    other = version_on(SchemeFactory.create(code="geneva"), TODAY)
    error = refused(
        scheme_drafts.create_draft, actor=office.author, content={}, scheme=office.scheme, replaces=other
    )
    assert error.params["reason"] == "version_of_another_scheme"


def test_approving_asks_the_database_the_same_however_many_versions_there_are(office: Office) -> None:
    for days in (100, 110, 120, 130):
        office.in_force(days)
    draft = office.proposed(30)
    with captured_queries() as few:
        office.approve(draft)
    for days in (140, 150, 160, 170):
        office.in_force(days)
    draft = office.proposed(40)
    with captured_queries() as more:
        office.approve(draft)
    assert len(few) == len(more)
