"""A provider's day: the queue, answers, entries, sheets, services, certificates, claims and what was paid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Message, User
from funding.models import Attendance, Booking, Claim, Presence
from funding.selectors.provider_work import desk_of, proposals_until, work_of
from funding.services import attendance_codes, attendance_sheets, bookings, claims
from funding.services.bookings.context import calendar_of
from funding.services.bookings.training import attended_percent
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory
from tests.pages.support import Scene, exported_batch, signed_in, validated_booking
from tests.support.queries import assert_queries_constant
from tests.support.world import ENDS, MONDAY, STARTS

pytestmark = pytest.mark.django_db

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)
FIRST_DAY = date(2026, 6, 22)


@pytest.fixture
def hand() -> Iterator[Any]:
    with clock.at(MONDAY) as one:
        yield one


@pytest.fixture
def client(scene: Scene, hand: Any) -> Client:
    return signed_in(scene.provider_member)


def staff_of(scene: Scene) -> User:
    """Somebody of the provider's who manages nothing."""
    return MembershipFactory.create(organisation=scene.world.provider.organisation, role="staff").user


def ask(scene: Scene, n: int = 1) -> list[Booking]:
    """Requests of new learners for the world's session."""
    found = []
    for _ in range(n):
        learner = scene.world.make_learner(given_name="Lou")
        found.append(
            bookings.request_booking(
                actor=learner.user, account_id=learner.account.pk, session_id=scene.world.session.pk
            )
        )
    return found


def who(found: list[Booking]) -> dict[str, Any]:
    return {"who": [str(each.public_id) for each in found]}


def states(found: list[Booking]) -> set[str]:
    return set(Booking.objects.filter(pk__in=[each.pk for each in found]).values_list("state", flat=True))


def at(scene: Scene, step: str) -> str:
    return f"/provider/sessions/{scene.world.session.pk}/{step}/"


# -- the queue --------------------------------------------------------------------------------------------------------


def test_the_queue_says_what_waits_until_when_and_what_happens_then(
    scene: Scene, client: Client, hand: Any
) -> None:
    assert "Nothing waits for you" in client.get("/provider/work/").content.decode()
    ask(scene, 2)
    page = client.get("/provider/work/").content.decode()
    assert "2 requests to answer" in page
    assert "until the end of" in page
    assert "6\u00a0May 2026" in page, "two working days after Monday 4 May (F-20)"
    assert "your answer is recorded as late" in page
    hand.move(MONDAY + timedelta(days=3))
    assert "2 are past their term" in client.get("/provider/work/").content.decode()
    assert "Nothing of this kind waits" in client.get("/provider/work/?kind=entry").content.decode()
    assert "2 requests to answer" in client.get("/provider/work/?kind=nonsense").content.decode()
    assert client.get("/provider/work/?kind=%00nonsense").status_code == 400


def test_the_last_day_to_propose_comes_before_the_term_of_the_answer(scene: Scene, hand: Any) -> None:
    rules = scene.world.scheme.versions.get(valid_from=date(2026, 4, 2)).parsed
    calendar = calendar_of(scene.world.scheme)
    until = proposals_until(rules, calendar, STARTS)
    assert until is not None
    assert calendar.last_day_before(until) == date(2026, 6, 7), (
        "a Sunday: the 11th working day after it is 22 June (F-22)"
    )
    hand.move(datetime.fromisoformat("2026-06-05T08:00+00:00"))
    ask(scene)
    [work], counts = work_of(desk_of(scene.provider_member))
    assert (work.kind, work.last_proposal, counts["answer"]) == ("answer", True, 1)
    assert work.due_at == until


def test_the_queue_follows_a_booking_to_its_claim(scene: Scene, client: Client, hand: Any) -> None:
    desk = desk_of(scene.provider_member)
    booking = scene.world.accepted(scene.learner)
    assert work_of(desk)[0] == []
    seen = []
    hand.move(STARTS)
    seen += [one.kind for one in work_of(desk)[0]]
    bookings.declare_entry(actor=scene.provider_member, booking_id=booking.pk)
    hand.move(ENDS)
    seen += [one.kind for one in work_of(desk)[0]]
    bookings.declare_exit(actor=scene.provider_member, booking_id=booking.pk, exit_reason="complete")
    seen += [one.kind for one in work_of(desk)[0]]
    bookings.record_attendance(actor=scene.provider_member, booking_id=booking.pk, percent=80)
    bookings.declare_service(actor=scene.provider_member, booking_id=booking.pk)
    bookings.validate_service(actor=scene.case_worker, booking_id=booking.pk)
    seen += [one.kind for one in work_of(desk)[0]]
    assert seen == ["entry", "exit", "service", "claim"]
    assert work_of(desk_of(staff_of(scene)))[0] == [], "claims wait for managers alone"
    claims.claim_booking(actor=scene.provider_member, booking_id=booking.pk)
    assert work_of(desk)[0] == []


def test_the_queue_asks_as_much_of_the_database_however_long_it_is(scene: Scene, client: Client) -> None:
    def grow(n: int) -> None:
        for _ in range(n):
            session = scene.world.make_session(offer=scene.world.session.offer)
            learner = scene.world.make_learner()
            bookings.request_booking(actor=learner.user, account_id=learner.account.pk, session_id=session.pk)

    assert_queries_constant(grow, lambda: client.get("/provider/work/"))
    assert_queries_constant(grow, lambda: client.get("/provider/sessions/"))


def test_pages_of_a_session_ask_as_much_however_many_learn_there(scene: Scene, client: Client) -> None:
    def grow(n: int) -> None:
        ask(scene, n)

    address = f"/provider/sessions/{scene.world.session.pk}/"
    for page in (address, f"{address}propose/", f"{address}refuse/", f"{address}days/"):
        assert_queries_constant(grow, lambda page=page: client.get(page))  # type: ignore[misc]


# -- answers ----------------------------------------------------------------------------------------------------------


def test_several_requests_are_answered_with_one_confirmation(scene: Scene, client: Client) -> None:
    found = ask(scene, 3)
    form = client.get(at(scene, "propose")).content.decode()
    assert found[0].account.citizen.user.email in form  # type: ignore[union-attr]
    assert "1650.00" in form
    dear = client.post(at(scene, "propose"), {**who(found), "price": "1650.01"})
    assert (dear.status_code, "above the published one" in dear.content.decode()) == (422, True)
    assert client.post(at(scene, "propose"), {"price": "10"}).status_code == 422
    sure = client.post(at(scene, "propose"), {**who(found[:2]), "price": "1600.00"})
    assert "€1,600.00" in sure.content.decode()
    assert states(found) == {"requested"}, "nothing before the confirmation"
    client.post(at(scene, "propose"), {**who(found[:2]), "price": "1600.00", "sure": "1"})
    assert states(found[:2]) == {"proposed"}
    assert Booking.objects.get(pk=found[0].pk).price_cents == 160_000
    again = client.post(at(scene, "propose"), {**who(found[:2]), "price": "1600.00", "sure": "1"})
    assert again.status_code == 422, "what was answered cannot be chosen again"
    assert client.post(at(scene, "refuse"), {**who(found[2:]), "reason": " "}).status_code == 422
    client.post(at(scene, "refuse"), {**who(found[2:]), "reason": "Full", "sure": "1"})
    assert states(found[2:]) == {"refused_by_provider"}


@pytest.mark.parametrize(
    ("step", "ticked"), [("propose", 1), ("acknowledge", 1), ("refuse", 0), ("release", 0)]
)
def test_nobody_is_ticked_where_a_slip_would_cost_them_something(
    scene: Scene, client: Client, step: str, ticked: int
) -> None:
    ask(scene)
    assert client.get(at(scene, step)).content.decode().count(" checked") == ticked


def test_a_session_that_starts_too_soon_says_so_before(scene: Scene, client: Client, hand: Any) -> None:
    hand.move(datetime.fromisoformat("2026-06-08T08:00+00:00"))
    found = ask(scene)
    page = client.get(at(scene, "propose")).content.decode()
    assert "starts too soon" in page
    assert "23\u00a0June 2026" in page
    client.post(at(scene, "propose"), {**who(found), "price": "100", "sure": "1"})
    assert states(found) == {"requested"}


def test_another_providers_session_and_booking_do_not_exist(scene: Scene, client: Client) -> None:
    found = ask(scene)
    other = signed_in(scene.other_provider_member)
    for page in ("", "propose/", "days/", f"days/{FIRST_DAY}/", "move/cancel/"):
        assert other.get(f"/provider/sessions/{scene.world.session.pk}/{page}").status_code == 404
    theirs = scene.world.make_session(
        scene.world.make_credential(
            scene.other_provider_member.memberships.get().organisation.providers.get()
        )
    )
    answer = other.post(f"/provider/sessions/{theirs.pk}/refuse/", {**who(found), "reason": "x", "sure": "1"})
    assert answer.status_code in (302, 422)
    assert states(found) == {"requested"}


# -- training ---------------------------------------------------------------------------------------------------------


def begun(scene: Scene, hand: Any, n: int = 2) -> list[Booking]:
    """Learners who have begun."""
    found = [scene.world.accepted(scene.world.make_learner(given_name="Lou")) for _ in range(n)]
    hand.move(STARTS)
    for each in found:
        bookings.declare_entry(actor=scene.provider_member, booking_id=each.pk)
    return found


def test_many_learners_enter_leave_and_are_declared_at_once(scene: Scene, client: Client, hand: Any) -> None:
    found = [scene.world.accepted(scene.world.make_learner(given_name="Lou")) for _ in range(3)]
    hand.move(STARTS)
    client.post(at(scene, "entry"), {**who(found[:2]), "sure": "1"})
    assert states(found[:2]) == {"in_training"}
    sheet = f"/provider/sessions/{scene.world.session.pk}/days/{FIRST_DAY}/"
    marks = {f"mark_{found[0].pk}": "present", f"mark_{found[1].pk}": "absent", "hours": "8"}
    assert client.post(sheet, marks).status_code == 302
    absence = {**who(found[2:]), "justified": "no", "reason": ""}
    assert "full price of each is owed" in client.post(at(scene, "absence"), absence).content.decode()
    client.post(at(scene, "absence"), {**absence, "sure": "1"})
    assert states(found[2:]) == {"no_show"}
    assert Message.objects.filter(template="booking_no_show").count() == 1
    hand.move(ENDS)
    leaving = {**who(found[:2]), f"why_{found[0].pk}": "complete", f"why_{found[1].pk}": "learner"}
    client.post(at(scene, "exit"), {**leaving, "sure": "1"})
    assert set(Booking.objects.filter(state="left").values_list("exit_reason", flat=True)) == {
        "complete",
        "learner",
    }
    page = client.get(at(scene, "service")).content.decode()
    assert "16 %: 8.00 of 50" in page
    client.post(at(scene, "service"), {**who(found[:2]), f"percent_{found[1].pk}": "5", "sure": "1"})
    declared = dict(Booking.objects.filter(state="service_declared").values_list("pk", "declared_percent"))
    assert declared == {found[0].pk: 16, found[1].pk: 5}


def test_a_sheet_is_corrected_by_a_later_one(scene: Scene, client: Client, hand: Any) -> None:
    one, other = begun(scene, hand)
    day, session = FIRST_DAY, scene.world.session.pk
    member = scene.provider_member
    record = attendance_sheets.record_day
    assert (
        record(actor=member, session_id=session, day=day, hours={one.pk: Decimal(8), other.pk: Decimal(0)})
        == 2
    )
    assert record(actor=member, session_id=session, day=day, hours={one.pk: Decimal(8)}) == 0
    assert record(actor=member, session_id=session, day=day, hours={one.pk: Decimal("7.5")}) == 1
    assert Attendance.objects.filter(booking=one).count() == 2
    assert attended_percent(one) == 15
    assert attendance_sheets.attended_of([one, other])[one.pk].hours == Decimal("7.5")
    bookings.record_attendance(actor=member, booking_id=one.pk, hours=Decimal(10))
    assert attended_percent(one) == 35
    assert attendance_sheets.attended_of([one])[one.pk].percent == 35
    for wrong in (
        {"day": date(2026, 6, 23), "hours": {one.pk: Decimal(1)}},
        {"day": date(2026, 7, 1), "hours": {one.pk: Decimal(1)}},
        {"day": day, "hours": {one.pk: Decimal(25)}},
        {"day": day, "hours": {-1: Decimal(1)}},
    ):
        with pytest.raises(DomainError):
            record(actor=member, session_id=session, **wrong)  # type: ignore[arg-type]
    with pytest.raises(DomainError):
        record(actor=scene.other_provider_member, session_id=session, day=day, hours={one.pk: Decimal(1)})


def test_certificates_are_recorded_with_their_files(
    scene: Scene, client: Client, hand: Any, settings: Any, tmp_path: Path
) -> None:
    settings.DOCUMENTS_DIR = tmp_path
    one, other = begun(scene, hand)
    files = {f"file_{one.pk}": SimpleUploadedFile("diploma.png", PNG)}
    bad = {f"file_{other.pk}": SimpleUploadedFile("x.exe", b"MZ")}
    client.post(at(scene, "proof"), {**who([one, other]), "kind": "certificate", **files, **bad})
    assert one.certificates.get().file.name == "diploma.png"
    assert not other.certificates.exists()
    address = f"/bookings/{one.public_id}/certificates/{one.certificates.get().pk}/"
    answer = client.get(address)
    assert answer.content == PNG
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert address in client.get(f"/bookings/{one.public_id}/").content.decode()
    assert signed_in(scene.other_learner.user).get(address).status_code == 404
    assert signed_in(scene.other_provider_member).get(address).status_code == 404


# -- the code of the day ----------------------------------------------------------------------------------------------


def test_a_learner_confirms_by_the_code_of_the_day(scene: Scene, client: Client, hand: Any) -> None:
    booking = scene.world.accepted(scene.learner)
    learner = signed_in(scene.learner.user)
    assert b'href="/attend/"' not in learner.get(f"/bookings/{booking.public_id}/").content, "weeks before"
    hand.move(STARTS)
    day = f"/provider/sessions/{scene.world.session.pk}/days/{FIRST_DAY}/"
    assert b'href="/attend/"' in learner.get(f"/bookings/{booking.public_id}/").content
    assert b'href="/attend/"' not in client.get(f"/bookings/{booking.public_id}/").content, "the provider's"
    plain = attendance_codes.code_of(session_id=scene.world.session.pk, day=FIRST_DAY)
    assert f"{plain[:4]}-{plain[4:]}" in client.get(f"{day}code/").content.decode()
    assert client.get(f"{day}code.svg").headers["Content-Type"] == "image/svg+xml"
    typed = learner.post("/attend/", {"code": f"{plain[:4].lower()} {plain[4:]}"})
    assert typed.status_code == 302
    address = typed.headers["Location"]
    assert "Yes, I am here" in learner.get(address).content.decode()
    assert not Presence.objects.exists(), "looking confirms nothing"
    for _ in range(2):
        learner.post(address)
    presence = Presence.objects.get()
    assert (presence.booking_id, presence.day, presence.proof) == (booking.pk, FIRST_DAY, "code")
    bookings.declare_entry(actor=scene.provider_member, booking_id=booking.pk)
    assert "confirmed by the learner with the code of the day" in client.get(day).content.decode()
    timeline = learner.get(f"/bookings/{booking.public_id}/").content.decode()
    assert "Presence confirmed with the code of the day" in timeline
    stranger = signed_in(scene.other_learner.user)
    made_up = stranger.get("/attend/1-20260622-AAAAAAAA/")
    foreign = stranger.post(address)
    assert (made_up.status_code, foreign.status_code) == (404, 404)
    assert b"agile" not in foreign.content
    assert stranger.post("/attend/", {"code": plain}).status_code == 422
    hand.move(STARTS + timedelta(days=1))
    assert learner.post(address).status_code == 410
    assert client.get(f"{day}code.svg").status_code == 404
    assert plain[:4] not in client.get(f"{day}code/").content.decode()
    assert Presence.objects.count() == 1


def test_the_day_is_that_of_the_provider(scene: Scene, hand: Any) -> None:
    scene.world.accepted(scene.learner)
    hand.move(datetime.fromisoformat("2026-06-22T22:30+00:00"))
    token = attendance_codes.token_of(session_id=scene.world.session.pk, day=FIRST_DAY)
    with pytest.raises(DomainError, match="code_over"):
        attendance_codes.confirm_presence(actor=scene.learner.user, token=token)
    token = attendance_codes.token_of(session_id=scene.world.session.pk, day=date(2026, 6, 23))
    assert attendance_codes.confirm_presence(actor=scene.learner.user, token=token).day == date(2026, 6, 23)


# -- sessions ---------------------------------------------------------------------------------------------------------


def test_cancelling_a_session_says_first_what_it_does(scene: Scene, client: Client) -> None:
    booking = scene.world.accepted(scene.learner)
    asked = ask(scene, 2)
    page = client.get(at(scene, "move/cancel")).content.decode()
    assert "<strong>3</strong>" in page
    assert "€1,650.00" in page
    assert client.post(at(scene, "move/cancel"), {"reason": ""}).status_code == 422
    client.post(at(scene, "move/cancel"), {"reason": "The trainer is ill"})
    assert states([booking, *asked]) == {"cancelled_by_provider"}
    assert scene.learner.lot().available_cents == 500_000
    assert client.get(at(scene, "move/cancel")).status_code == 302, "twice does nothing"


def test_an_old_form_that_cancels_a_session_leads_to_the_page_that_asks(scene: Scene, client: Client) -> None:
    booking = scene.world.accepted(scene.learner)
    session = scene.world.session
    old = f"/provider/entries/{session.micro_credential_id}/sessions/{session.pk}/cancel/"
    answer = client.post(old, {"reason": "sent from an old page"})
    assert (answer.status_code, answer["Location"]) == (302, at(scene, "move/cancel"))
    assert "<strong>1</strong>" in client.get(answer["Location"]).content.decode()
    session.refresh_from_db(fields=["cancelled_at"])
    assert session.cancelled_at is None
    assert states([booking]) == {"accepted"}
    other = signed_in(scene.other_provider_member)
    assert other.post(old).status_code == 404
    assert client.get(old).status_code == 405


def test_a_session_is_guaranteed_begun_and_held(scene: Scene, client: Client, hand: Any) -> None:
    assert "It has begun" not in client.get(f"/provider/sessions/{scene.world.session.pk}/").content.decode()
    client.post(at(scene, "move/guarantee"))
    hand.move(STARTS)
    client.post(at(scene, "move/start"))
    client.post(at(scene, "move/end"))
    scene.world.session.refresh_from_db(fields=["held_at"])
    assert scene.world.session.held_at == STARTS
    assert client.get(at(scene, "move/nonsense")).status_code == 404


# -- money ------------------------------------------------------------------------------------------------------------


def test_what_is_owed_is_claimed_at_once_and_adds_up(scene: Scene) -> None:
    first = validated_booking(scene)
    with clock.at(ENDS):
        client = signed_in(scene.provider_member)
        page = client.get("/provider/money/claim/").content.decode()
        assert "€1,320.00" in page, "80 % of 1,650.00"
        sure = client.post("/provider/money/claim/", who([first])).content.decode()
        assert not Claim.objects.exists()
        assert "Hand the claims in" in sure
        client.post("/provider/money/claim/", {**who([first]), "sure": "1"})
        claim = Claim.objects.get()
        assert (claim.state, claim.amount_cents) == ("submitted", 132_000)
        assert client.post("/provider/money/claim/", {**who([first]), "sure": "1"}).status_code == 302
        assert Claim.objects.count() == 1
        money = client.get("/provider/money/").content.decode()
        assert "Claimed in all" in money
        assert money.count("€1,320.00") == 3
        staff = signed_in(staff_of(scene))
        for address in ("money/", "money/claim/", "money/owed/", "payments/"):
            assert staff.get(f"/provider/{address}").status_code == 403
        assert staff.get("/provider/work/").status_code == 200
        with pytest.raises(DomainError, match="not_allowed"):
            claims.create_claim(actor=staff_of(scene), booking_id=first.pk)


def test_a_drafted_claim_is_handed_in(scene: Scene) -> None:
    booking = validated_booking(scene)
    with clock.at(ENDS):
        claims.create_claim(actor=scene.provider_member, booking_id=booking.pk)
        client = signed_in(scene.provider_member)
        client.post("/provider/money/claim/", {**who([booking]), "sure": "1"})
    assert Claim.objects.get().state == "submitted"


def test_the_advice_of_a_batch_has_ones_own_payments_alone(scene: Scene) -> None:
    booking = validated_booking(scene)
    batch = exported_batch(scene, booking)
    client = signed_in(scene.provider_member)
    assert batch.msg_id in client.get("/provider/payments/").content.decode()
    page = client.get(f"/provider/payments/{batch.msg_id}/").content.decode()
    assert "Camille Durand" in page
    assert page.count("€1,320.00") == 4, "claimed and paid, in its row and in the total"
    assert "FR7630006000011234567890189" not in page
    table = client.get(f"/provider/payments/{batch.msg_id}/advice.csv").content.decode()
    assert ",1320.00,EUR," in table
    paper = client.get(f"/provider/payments/{batch.msg_id}/advice.pdf")
    assert paper.content.startswith(b"%PDF-")
    other = signed_in(scene.other_provider_member)
    for ending in ("", "advice.csv", "advice.pdf"):
        assert other.get(f"/provider/payments/{batch.msg_id}/{ending}").status_code == 404
    assert batch.msg_id not in other.get("/provider/payments/").content.decode()


def test_what_is_owed_back_says_why(scene: Scene) -> None:
    client = signed_in(scene.provider_member)
    assert "You owe nothing back" in client.get("/provider/money/owed/").content.decode()


@pytest.mark.parametrize("address", ["work/", "sessions/", "money/", "payments/"])
def test_a_provider_never_sees_balances_or_sources(scene: Scene, address: str) -> None:
    validated_booking(scene)
    page = signed_in(scene.provider_member).get(f"/provider/{address}").content.decode()
    assert "5,000.00" not in page
    assert "3,350.00" not in page
    assert "Acquired rights" not in page
    session = signed_in(scene.provider_member).get(f"/provider/sessions/{scene.world.session.pk}/")
    assert "5,000.00" not in session.content.decode()
    assert "Noé" not in session.content.decode(), "who never asked for a place is not there"
