"""A counsellor looks and suggests, and can do nothing else; the learner sees each look and ends it at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from django.db import DatabaseError, transaction
from django.test import Client

from accounts.models import Delegation, DelegationLook, Message, User
from accounts.services import counselling
from funding.models import Booking, Suggestion
from funding.services import bookings, suggestions
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory, OrganisationFactory, UserFactory
from tests.pages.support import Scene, proposed_booking, signed_in, validated_booking
from tests.pages.test_learning_accounts import words
from tests.support.queries import assert_queries_constant
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db

NOWHERE = UUID(int=4)


def counsellor(address: str = "ada@counsel.example") -> User:
    user = UserFactory.create(email=address, display_name="Ada Conseil")
    EmailAddress.objects.create(user=user, email=address, verified=True, primary=True)
    return user


def invited(scene: Scene, user: User, *, parts: tuple[str, ...] = ("balances", "bookings")) -> Delegation:
    return counselling.invite(actor=scene.learner.user, email=user.email, parts=parts, months=3)


def in_force(scene: Scene, user: User, **kwargs: Any) -> Delegation:
    return counselling.take_up(actor=user, public_id=invited(scene, user, **kwargs).public_id)


def refused(call: Any, *args: Any, **kwargs: Any) -> DomainError:
    with pytest.raises(DomainError) as caught:
        call(*args, **kwargs)
    return caught.value


# -- who becomes one --------------------------------------------------------------------------------------------------


def test_a_learner_invites_by_address_and_the_owner_of_the_address_says_yes(scene: Scene) -> None:
    ada = counsellor()
    learner = signed_in(scene.learner.user)
    form = {"email": "Ada@Counsel.example", "balances": "on", "months": "3"}
    assert learner.post("/account/counsellors/", form).status_code == 302
    made = Delegation.objects.get()
    assert (made.email, made.parts, made.counsellor) == ("ada@counsel.example", ["balances"], None)
    mail = Message.objects.get(template="counsellor_invited")
    assert mail.address == "ada@counsel.example"
    assert "Camille Durand invites you to look" in words(signed_in(ada).get("/counselling/"))
    answer = signed_in(ada).post(f"/counselling/{made.public_id}/answer/", {"answer": "yes"})
    assert answer.headers["Location"] == f"/counselling/{made.public_id}/"
    assert Message.objects.filter(template="counsellor_joined", recipient=scene.learner.user).count() == 1


def test_a_counsellor_of_an_organisation_is_chosen_by_name(scene: Scene) -> None:
    house = OrganisationFactory.create(kind="counselling", name="House of counsel")
    ada = counsellor()
    chosen = MembershipFactory.create(user=ada, organisation=house, role="staff")
    learner = signed_in(scene.learner.user)
    assert "House of counsel: Ada Conseil" in words(learner.get("/account/counsellors/"))
    form = {"person": str(chosen.pk), "pathway": "on", "months": "1"}
    assert learner.post("/account/counsellors/", form).status_code == 302
    assert Delegation.objects.get().email == ada.email
    assert b"ada@counsel.example" not in learner.get("/account/counsellors/?x").content.split(b"<form")[-1]


@pytest.mark.parametrize(
    "form",
    [
        {"email": "ada@counsel.example", "months": "3"},
        {"balances": "on", "months": "3"},
        {"email": "ada@counsel.example", "balances": "on", "months": "13"},
        {"email": "ada@counsel.example", "balances": "on"},
        {"email": "not an address", "balances": "on", "months": "3"},
        {"person": "999999", "balances": "on", "months": "3"},
    ],
)
def test_an_invitation_names_somebody_something_and_a_time(scene: Scene, form: dict[str, str]) -> None:
    answer = signed_in(scene.learner.user).post("/account/counsellors/", form)
    assert answer.status_code == 422
    assert b"<title>Error:" in answer.content
    assert not Delegation.objects.exists()


def test_an_address_that_is_not_confirmed_opens_nothing(scene: Scene) -> None:
    ada = counsellor()
    made = invited(scene, ada)
    thief = UserFactory.create()
    EmailAddress.objects.create(user=thief, email="other@example.org", verified=True, primary=True)
    EmailAddress.objects.filter(user=ada).update(verified=False)
    for user in (thief, ada):
        assert refused(counselling.take_up, actor=user, public_id=made.public_id).status == 404


@pytest.mark.parametrize("part", ["provider_member", "employer"])
def test_who_acts_for_a_provider_or_an_employer_cannot_counsel(scene: Scene, part: str) -> None:
    user = getattr(scene, part)
    EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"verified": True})
    made = invited(scene, user)
    assert refused(counselling.take_up, actor=user, public_id=made.public_id).code == "not_allowed"
    answer = signed_in(user).post(f"/counselling/{made.public_id}/answer/", {"answer": "yes"})
    assert answer.headers["Location"] == "/counselling/"
    assert Delegation.objects.get().accepted_at is None


def test_who_begins_to_act_for_a_provider_sees_nothing_any_more(scene: Scene) -> None:
    ada = counsellor()
    made = in_force(scene, ada)
    MembershipFactory.create(user=ada, of_provider=True)
    assert signed_in(ada).get(f"/counselling/{made.public_id}/balances/").status_code == 404
    assert not DelegationLook.objects.exists()


def test_the_same_person_is_invited_once_and_not_oneself(scene: Scene) -> None:
    ada = counsellor()
    invited(scene, ada)
    assert refused(invited, scene, ada).code == "already_invited"
    assert refused(invited, scene, scene.learner.user).params["what"] == "own_address"


def test_invitations_are_limited_in_a_day(scene: Scene) -> None:
    for number in range(counselling.MAX_PER_DAY):
        made = counselling.invite(
            actor=scene.learner.user, email=f"c{number}@example.org", parts=["balances"], months=1
        )
        counselling.end(actor=scene.learner.user, public_id=made.public_id)
    assert refused(invited, scene, counsellor()).code == "too_many"


# -- looking ----------------------------------------------------------------------------------------------------------


def test_a_counsellor_sees_what_was_ticked_and_each_look_is_shown(scene: Scene) -> None:
    ada = counsellor()
    with clock.at(MONDAY):
        made = in_force(scene, ada)
        scene.world.accepted(scene.learner)
        client = signed_in(ada)
        overview = client.get(f"/counselling/{made.public_id}/")
        assert not DelegationLook.objects.exists()
        balances = words(client.get(f"/counselling/{made.public_id}/balances/"))
        held = words(client.get(f"/counselling/{made.public_id}/bookings/"))
        assert client.get(f"/counselling/{made.public_id}/pathway/").status_code == 404
        assert client.get(f"/counselling/{made.public_id}/identity/").status_code == 404
        log = words(signed_in(scene.learner.user).get(f"/account/counsellors/{made.public_id}/"))
    assert "Camille Durand" in words(overview)
    assert "Acquired rights" in balances
    assert "Conduct a project with agile methods" in held
    assert list(DelegationLook.objects.order_by("pk").values_list("part", flat=True)) == [
        "balances",
        "bookings",
    ]
    assert log.count("4 May 2026, ") == 2
    birth = scene.learner.citizen.birth_date
    for page in (overview.content.decode(), balances, held):
        assert scene.learner.user.email not in page
        assert str(birth.year) not in page or birth.year == MONDAY.year


def test_a_pathway_is_shown_when_it_was_ticked(scene: Scene) -> None:
    ada = counsellor()
    made = in_force(scene, ada, parts=("pathway",))
    page = words(signed_in(ada).get(f"/counselling/{made.public_id}/pathway/"))
    assert "They have no awards yet" in page


def test_a_look_is_never_changed_and_never_taken_away(scene: Scene) -> None:
    ada = counsellor()
    made = in_force(scene, ada)
    counselling.look(actor=ada, public_id=made.public_id, part="balances")
    for act in (lambda: DelegationLook.objects.update(part="bookings"), DelegationLook.objects.all().delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


def test_after_its_end_nothing_is_there(scene: Scene) -> None:
    ada = counsellor()
    made = in_force(scene, ada)
    client = signed_in(ada)
    assert client.get(f"/counselling/{made.public_id}/balances/").status_code == 200
    ended = signed_in(scene.learner.user).post(f"/account/counsellors/{made.public_id}/end/")
    assert ended.headers["Location"] == "/account/counsellors/"
    for page in ("", "balances/", "bookings/", "pathway/", "suggest/"):
        assert client.get(f"/counselling/{made.public_id}/{page}").status_code == 404, page
    assert Message.objects.filter(template="counsellor_ended", recipient=ada).count() == 1
    again = client.post(f"/counselling/{made.public_id}/answer/", {"answer": "yes"})
    assert again.status_code == 404


def test_after_its_last_day_nothing_is_there(scene: Scene) -> None:
    ada = counsellor()
    made = in_force(scene, ada)
    with clock.at(clock.now() + timedelta(days=92)):
        assert refused(counselling.look, actor=ada, public_id=made.public_id, part="balances").status == 404
        assert invited(scene, ada).pk != made.pk  # and they may be invited again


def test_a_delegation_is_nobody_elses(scene: Scene) -> None:
    ada = counsellor()
    made = in_force(scene, ada)
    for who, user in scene.people.items():
        client = Client() if user is None else signed_in(user)
        for page in (f"/counselling/{made.public_id}/", f"/counselling/{made.public_id}/balances/"):
            assert client.get(page).status_code == (302 if user is None else 404), (who, page)
        if who != "learner":
            ended = client.post(f"/account/counsellors/{made.public_id}/end/")
            assert ended.status_code == (302 if user is None else 404), who
    made.refresh_from_db()
    assert made.ended_at is None


# -- never acting -----------------------------------------------------------------------------------------------------


def test_a_counsellor_can_do_nothing_in_the_learners_name(scene: Scene) -> None:
    ada = counsellor()
    done = validated_booking(scene)
    waiting = proposed_booking(scene)
    in_force(scene, ada, parts=("balances", "bookings", "pathway"))
    client = signed_in(ada)
    for booking in (done, waiting):
        for page in ("", "accept/", "refuse/", "leave/", "receipt/", "receipt.pdf", "not-mine/"):
            address = f"/bookings/{booking.public_id}/{page}"
            answer = client.get(address)
            assert answer.status_code in (404, 405), address
            assert client.post(address, {"consent": "on", "agreed": "on"}).status_code in (404, 405), address
    account = f"/account/{scene.learner.account.public_id}/"
    assert client.get(account).status_code == 404
    asked = client.post(
        f"/sessions/{scene.world.session.pk}/ask/", {"account": str(scene.learner.account.public_id)}
    )
    assert asked.status_code in (403, 404, 422)
    assert Booking.objects.get(pk=waiting.pk).state == "proposed"
    assert Booking.objects.count() == 2
    assert client.get("/account/counsellors/").status_code == 404


def test_no_service_lets_a_counsellor_decide(scene: Scene) -> None:
    ada = counsellor()
    waiting = proposed_booking(scene)
    in_force(scene, ada, parts=("balances", "bookings", "pathway"))
    with pytest.raises(DomainError):
        bookings.request_booking(
            actor=ada, account_id=scene.learner.account.pk, session_id=scene.world.session.pk
        )
    with pytest.raises(DomainError):
        bookings.refuse_by_learner(actor=ada, booking_id=waiting.pk, reason="no")
    with pytest.raises(DomainError):
        bookings.cancel_by_learner(actor=ada, booking_id=waiting.pk)
    assert refused(counselling.invite, actor=ada, email="x@y.org", parts=["balances"], months=1).status == 404


# -- suggesting -------------------------------------------------------------------------------------------------------


def test_a_suggestion_lands_on_the_learners_page_with_the_way_to_ask(scene: Scene) -> None:
    ada = counsellor()
    with clock.at(MONDAY):
        made = in_force(scene, ada)
        session = scene.world.session
        client = signed_in(ada)
        page = f"/counselling/{made.public_id}/suggest/"
        entry = session.micro_credential_id
        step = client.get(page, {"entry": f"http://ila.example/catalogue/{entry}/?from=mail"})
        assert f'value="{session.pk}"' in step.content.decode()
        note = "It fits <b>you</b>"
        answer = client.post(page, {"entry": entry, "session": session.pk, "note": note})
        assert answer.headers["Location"] == f"/counselling/{made.public_id}/"
        account = signed_in(scene.learner.user).get("/account/").content.decode()
    assert f'href="/sessions/{session.pk}/ask/"' in account
    assert "It fits &lt;b&gt;you&lt;/b&gt;" in account
    assert not Booking.objects.exists()
    assert Message.objects.filter(template="training_suggested", recipient=scene.learner.user).count() == 1
    suggestion = Suggestion.objects.get()
    foreign = signed_in(ada).post(f"/account/suggestions/{suggestion.public_id}/dismiss/")
    assert foreign.status_code == 404
    learner = signed_in(scene.learner.user)
    for _ in range(2):
        assert (
            learner.post(f"/account/suggestions/{suggestion.public_id}/dismiss/").headers["Location"]
            == "/account/"
        )
    assert "It fits" not in learner.get("/account/").content.decode()


@pytest.mark.parametrize("entry", ["nothing", "/catalogue/999999/", "", "9" * 30])
def test_only_what_is_in_the_catalogue_is_suggested(scene: Scene, entry: str) -> None:
    ada = counsellor()
    made = in_force(scene, ada)
    answer = signed_in(ada).get(f"/counselling/{made.public_id}/suggest/", {"entry": entry})
    assert answer.status_code == 422
    assert b"<title>Error:" in answer.content


def test_a_session_of_another_training_is_not_suggested(scene: Scene) -> None:
    ada = counsellor()
    with clock.at(MONDAY):
        made = in_force(scene, ada)
        other = scene.world.make_session(credential=scene.world.make_credential())
        error = refused(
            suggestions.suggest,
            actor=ada,
            public_id=made.public_id,
            credential_id=scene.world.credential.pk,
            session_id=other.pk,
        )
    assert error.status == 404
    assert refused(suggestions.suggest, actor=ada, public_id=NOWHERE, credential_id=1).status == 404


# -- as many as there are ---------------------------------------------------------------------------------------------


def test_lists_ask_the_same_of_the_database_however_long_they_are(scene: Scene) -> None:
    ada = counsellor()
    made = in_force(scene, ada)
    numbers = iter(range(100))

    def grow(n: int) -> None:
        for _ in range(n):
            counselling.look(actor=ada, public_id=made.public_id, part="balances")
            Delegation.objects.create(
                citizen=scene.learner.citizen,
                email=f"c{next(numbers)}@example.org",
                parts=["balances"],
                last_day=made.last_day,
            )
            other = scene.world.make_learner().citizen
            Delegation.objects.create(
                citizen=other,
                email=ada.email,
                parts=["balances"],
                last_day=made.last_day,
                counsellor=ada,
                accepted_at=clock.now(),
            )
            Suggestion.objects.create(
                delegation=made, credential=scene.world.credential, session=scene.world.session
            )

    learner, client = signed_in(scene.learner.user), signed_in(ada)
    assert_queries_constant(grow, lambda: learner.get("/account/counsellors/"), n=2)
    assert_queries_constant(grow, lambda: learner.get(f"/account/counsellors/{made.public_id}/"), n=2)
    assert_queries_constant(grow, lambda: learner.get("/account/"), n=2)
    assert_queries_constant(grow, lambda: client.get("/counselling/"), n=2)
    assert_queries_constant(grow, lambda: client.get(f"/counselling/{made.public_id}/"), n=2)
    assert_queries_constant(grow, lambda: client.get(f"/counselling/{made.public_id}/balances/"), n=2)
