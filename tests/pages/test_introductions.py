"""Who brought a learner: asked where every booking passes, answered or not, and read by nobody at the provider."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalogue.models import Provider, ProviderDetail
from fraud.detection.registry import DETECTORS
from fraud.detection.runs import detect_live
from fraud.models import LIVE, FeedCursor
from fraud.services import feeds, reports
from funding.models import Booking, Introduction
from funding.models.introductions import IntroducedBy
from funding.services import introductions
from funding.services.introductions import Answer
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import SignInFactory
from tests.pages.agency_things import limit_to_another_scheme
from tests.pages.consenting import fields_of, form_of
from tests.pages.support import PASSWORD, Scene, pay_the_provider, proposed_booking, signed_in
from tests.pages.test_catalogue import text_of
from tests.support.queries import assert_queries_constant
from tests.support.world import MONDAY, Learner

pytestmark = pytest.mark.django_db
QUESTION = "Did somebody bring you to this training"


@pytest.fixture(autouse=True)
def at_once(settings: Any) -> None:
    """What is looked at here is the consent, not how the learner's own part is paid."""
    pay_the_provider(settings)


def address_of(booking: Booking) -> str:
    return reverse("booking_accept", args=[booking.public_id])


def client_of(learner: Learner) -> Client:
    return signed_in(learner.user, sign_in=learner.sign_in)


def partner(scene: Scene, provider: Provider | None = None, **given: Any) -> ProviderDetail:
    facts = {"kind": "agent", "name": "Rapid Sign-up Ltd", "number": "732829320", **given.pop("facts", {})}
    made: ProviderDetail = ProviderDetail.objects.create(
        provider=provider or scene.world.provider,
        kind="partner",
        facts=facts,
        entered_by=scene.provider_member,
        **{"valid_from": MONDAY.date(), **given},
    )
    return made


def book(scene: Scene, learner: Learner, **answer: str) -> Booking:
    """The learner books on the page, and says who brought them."""
    booking = proposed_booking(scene, learner)
    client = client_of(learner)
    sent = client.post(address_of(booking), form_of(client, address_of(booking)) | answer)
    assert sent.status_code == 302, text_of(sent.content)
    assert Booking.objects.get(pk=booking.pk).state == "accepted"
    return booking


def told(booking: Booking) -> list[tuple[str, int | None, str]]:
    rows = booking.introductions.order_by("pk").values_list("kind", "partner_id", "name")
    return [(kind, partner_id, name) for kind, partner_id, name in rows]


def facts(table: str) -> list[dict[str, Any]]:
    return list(LIVE[table]._default_manager.order_by("id").values())


def found(detector: str) -> list[Any]:
    """What a detector says of the platform today, and that it is asked at all."""
    assert feeds.catch_up().failed == {}
    assert detector not in feeds.blind_detectors()
    result = detect_live(day=clock.now().date(), detectors=[DETECTORS[detector]])
    assert (result.not_run, result.failed) == ({}, {})
    return [alert.finding for alert in result.alerts]


def nothing_was_late() -> None:
    """The nightly comparison, and a feed that forgot how far it was, tell nothing more."""
    assert feeds.compare_everything().total == 0
    FeedCursor.objects.update(settled_id=0, read_id=0, pending_id=0, pending_xid=0)
    assert feeds.catch_up().total == 0


def test_the_question_has_no_answer_until_one_is_given(scene: Scene) -> None:
    with clock.at(MONDAY):
        partner(scene)
        ended: dict[str, Any] = {"valid_until": MONDAY.date() - timedelta(days=1), "ended_at": MONDAY}
        partner(scene, facts={"name": "Gone Ltd"}, ended_by=scene.provider_member, **ended)
        partner(scene, facts={"name": "Later Ltd"}, valid_from=MONDAY.date() + timedelta(days=1))
        partner(scene, scene.world.make_provider(), facts={"name": "Other firm's Ltd"})
        booking = proposed_booking(scene)
        page = client_of(scene.learner).get(address_of(booking)).content.decode()
        words = text_of(page.encode())
        for said in (
            QUESTION,
            "it never changes your booking",
            "Nobody",
            "Rapid Sign-up Ltd",
            "Somebody else",
        ):
            assert said in words
        for absent in ("Gone Ltd", "Later Ltd", "Other firm"):
            assert absent not in words
        radios = [line for line in page.splitlines() if 'name="brought_by"' in line]
        assert len(radios) == 3
        assert not any("checked" in line for line in radios)
        # Not one word of it is in the text that is agreed to.
        assert QUESTION not in fields_of(page.encode())["shown_text"]
        assert told(book(scene, scene.world.make_learner())) == []


def test_each_answer_is_kept_as_it_was_given(scene: Scene) -> None:
    with clock.at(MONDAY):
        agent, make = partner(scene), scene.world.make_learner
        assert told(book(scene, make(), brought_by="nobody", brought_name="ignored")) == [
            ("nobody", None, "")
        ]
        assert told(book(scene, make(), brought_by=str(agent.pk))) == [("partner", agent.pk, "")]
        assert told(book(scene, make(), brought_by="other")) == [("other", None, "")]
        # A name without a choice is an answer; what nobody can see in it goes.
        named = book(scene, make(), brought_name="  Ada\u202e\u200b <b>Martin</b>\n")
        assert told(named) == [("other", None, "Ada <b>Martin</b>")]
        assert told(book(scene, make(), brought_by="other", brought_name="?!")) == [("other", None, "")]


def test_what_cannot_be_an_answer_is_no_booking_either(scene: Scene) -> None:
    with clock.at(MONDAY):
        foreign = partner(scene, scene.world.make_provider())
        booking, client = proposed_booking(scene), client_of(scene.learner)
        form = form_of(client, address_of(booking))
        for answer in (
            {"brought_by": str(foreign.pk)},
            {"brought_by": "partner"},
            {"brought_name": "x" * 101},
        ):
            sent = client.post(address_of(booking), form | answer)
            assert sent.status_code == 422
        assert "Choose one of these answers, or none." in text_of(
            client.post(address_of(booking), form | {"brought_by": "0"}).content
        )
        # Whatever else is sent along is no answer.
        extra = {"kind": "partner", "partner_id": str(foreign.pk), "told_by": "1", "booking": "1"}
        assert client.post(address_of(booking), form | extra).status_code == 302
        assert not Introduction.objects.exists()


def test_the_answer_is_the_learners_alone(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking, foreign = book(scene, scene.learner), partner(scene, scene.world.make_provider())
        nobody = Answer(IntroducedBy.NOBODY)
        for who in (scene.other_learner.user, scene.provider_member, scene.case_worker, scene.investigator):
            with pytest.raises(DomainError, match="not_found"):
                introductions.tell_introduction(actor=who, booking_id=booking.pk, answer=nobody)
        for wrong in (
            Answer(IntroducedBy.PARTNER, partner_id=foreign.pk),
            Answer(IntroducedBy.PARTNER),
            Answer(IntroducedBy.OTHER, name="x" * 101),
        ):
            with pytest.raises(DomainError, match="invalid"):
                introductions.tell_introduction(actor=scene.learner.user, booking_id=booking.pk, answer=wrong)
        for _ in range(2):
            introductions.tell_introduction(
                actor=scene.learner.user, booking_id=booking.pk, answer=Answer(IntroducedBy.OTHER, name="Ada")
            )
        introductions.tell_introduction(actor=scene.learner.user, booking_id=booking.pk, answer=nobody)
        assert told(booking) == [("other", None, "Ada"), ("nobody", None, "")]
        with pytest.raises(DatabaseError), transaction.atomic():
            Introduction.objects.update(name="Bo")
        with pytest.raises(DatabaseError), transaction.atomic():
            Introduction.objects.all().delete()


def test_no_page_of_the_provider_says_who_told_what(scene: Scene) -> None:
    with clock.at(MONDAY):
        partner(scene)
        booking = book(scene, scene.learner, brought_by="other", brought_name="Zephyrine Quill")
        member = signed_in(scene.provider_member)
        for address in (
            f"/bookings/{booking.public_id}/",
            "/bookings/",
            "/provider/work/",
            f"/provider/sessions/{scene.world.session.pk}/",
            reverse("provider_details", args=[scene.world.provider.pk]),
            "/provider/money/",
        ):
            page = member.get(address)
            assert page.status_code == 200, address
            assert "Zephyrine" not in page.content.decode()
            assert QUESTION not in page.content.decode()


def test_the_way_to_the_e_identity_loses_no_answer(scene: Scene) -> None:
    booking = proposed_booking(scene)
    old = SignInFactory.create(user=scene.learner.user, at=clock.now() - timedelta(minutes=9))
    client = signed_in(scene.learner.user, sign_in=old)
    form = form_of(client, address_of(booking)) | {"brought_by": "other", "brought_name": "Ada"}
    with clock.at(clock.now() + timedelta(minutes=2)):
        sent_away = client.post(address_of(booking), form)
        client.post(sent_away.headers["Location"], {"password": PASSWORD, "next": address_of(booking)})
        page = client.get(address_of(booking)).content.decode()
        assert 'value="other" checked' in page
        assert 'value="Ada"' in page
    assert not Introduction.objects.exists()


def test_terms_that_changed_keep_the_answer_but_not_the_tick(scene: Scene) -> None:
    with clock.at(MONDAY):
        agent, booking = partner(scene), proposed_booking(scene)
        client = client_of(scene.learner)
        form = form_of(client, address_of(booking))
        scene.world.credit(scene.learner.account, 20_000, "employer")
        again = client.post(address_of(booking), form | {"brought_by": str(agent.pk)})
        assert again.status_code == 409
        assert f'value="{agent.pk}" checked' in again.content.decode()
        assert not Introduction.objects.exists()


def test_many_agents_are_a_list_and_ask_the_database_no_more(scene: Scene) -> None:
    with clock.at(MONDAY):
        counts = []
        for more in (2, 14):
            for number in range(more):
                partner(scene, facts={"name": f"Agent {more}/{number}", "number": f"{more}{number}"})
            learner = scene.world.make_learner()
            booking, client = proposed_booking(scene, learner), client_of(learner)
            client.get(address_of(booking))
            with CaptureQueriesContext(connection) as looked:
                page = client.get(address_of(booking)).content
            last = ProviderDetail.objects.filter(kind="partner").latest("pk")
            with CaptureQueriesContext(connection) as booked:
                sent = client.post(address_of(booking), fields_of(page) | {"brought_by": str(last.pk)})
            assert sent.status_code == 302
            assert told(booking) == [("partner", last.pk, "")]
            counts.append((len(looked), len(booked)))
        assert counts[0] == counts[1]
        # A list has an answer that is none, and it is the one that is chosen.
        assert b'<option value="" selected>No answer</option>' in page


def test_the_agency_reads_whom_no_provider_has_declared(scene: Scene) -> None:
    with clock.at(MONDAY):
        investigator = signed_in(scene.investigator)
        address = reverse("agency_introductions")
        assert "No learner has said" in text_of(investigator.get(address).content)
        agent, make = partner(scene), scene.world.make_learner
        said = [
            ("other", "Ada Martin"),
            ("other", "ADA MARTIN"),
            ("other", "ada martin"),
            ("other", "Aunt May"),
        ]
        for kind, name in [*said, ("nobody", ""), ("other", ""), (str(agent.pk), "")]:
            book(scene, make(), brought_by=kind, brought_name=name)
        (row, names) = investigator.get(address).context["rows"][0]
        assert (row["told"], row["declared"], row["others"], names) == (7, 1, 5, [("ada martin", 3)])
        assert "Aunt May" not in investigator.get(address).content.decode()
        # What was said a year ago is nobody's hint any more, and who works for another scheme sees none of it.
        with clock.at(MONDAY + timedelta(days=366)):
            assert list(signed_in(scene.investigator).get(address).context["rows"]) == []
        limit_to_another_scheme(scene.investigator)
        assert list(investigator.get(address).context["rows"]) == []

        def grow(number: int) -> None:
            for _ in range(number):
                provider = scene.world.make_provider()
                session = scene.world.make_session(scene.world.make_credential(provider))
                learner = make()
                booking = scene.world.accepted(learner, session)
                introductions.tell_introduction(
                    actor=learner.user, booking_id=booking.pk, answer=Answer(IntroducedBy.OTHER, name="Bo")
                )

        auditor = signed_in(scene.auditor)
        assert_queries_constant(grow, lambda: auditor.get(address), n=2)


def test_from_the_page_to_the_alert(scene: Scene) -> None:
    """One agent brings everybody, which is lawful; two of them speak of gifts, and it is looked at."""
    with clock.at(MONDAY):
        agent = partner(scene, facts={"kind": "subcontractor"})
        learners = [scene.world.make_learner() for _ in range(10)]
        made = [book(scene, each, brought_by=str(agent.pk)) for each in learners]
        assert found("D23") == []
        for learner, booking in zip(learners[:2], made, strict=False):
            reports.report_training(actor=learner.user, booking_id=booking.pk, kind="gift")
        (alert,) = found("D23")
        assert (alert.subject_kind, alert.provider_id) == ("agent", str(scene.world.provider.pk))
        assert set(alert.evidence) == {f"bookings:{each.public_id}" for each in made}
        (person,) = [row for row in facts("persons") if row["role"] == "agent"]
        assert (person["person_id"], person["full_name"]) == (alert.subject_id, "Rapid Sign-up Ltd")
        nothing_was_late()
        # As many within ten minutes is a mass enrolment of one agent.
        assert ("person", alert.subject_id) in {(each.subject_kind, each.subject_id) for each in found("D01")}


def test_whom_no_provider_has_declared_is_found_within_it_only(scene: Scene) -> None:
    with clock.at(MONDAY):
        spelled = ("Ada Martin", "ADA  MARTIN", "Adà martin")
        learners = [scene.world.make_learner() for _ in range(10)]
        made = [
            book(scene, each, brought_by="other", brought_name=spelled[number % 3])
            for number, each in enumerate(learners)
        ]
        for learner, booking in zip(learners[:2], made, strict=False):
            reports.report_training(actor=learner.user, booking_id=booking.pk, kind="gift")
        (alert,) = found("D23")
        assert len(alert.evidence) == 10
        # Detectors know that it is the same name, and not which.
        (person,) = [row for row in facts("persons") if row["role"] == "agent"]
        assert (person["person_id"], person["full_name"]) == (alert.subject_id, None)
        assert "Ada" not in repr(facts("bookings"))
        nothing_was_late()


def test_gifts_without_an_agent_are_not_the_agents(scene: Scene) -> None:
    with clock.at(MONDAY):
        agent = partner(scene)
        learners = [scene.world.make_learner() for _ in range(11)]
        for number, learner in enumerate(learners):
            said = "nobody" if number % 2 else ("other" if number else str(agent.pk))
            booking = book(scene, learner, brought_by=said)
            reports.report_training(actor=learner.user, booking_id=booking.pk, kind="gift")
        assert found("D23") == []
        assert [row["agent_id"] for row in facts("bookings")].count(None) == 10
