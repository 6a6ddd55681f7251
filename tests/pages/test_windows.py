"""Pages of windows: what everybody reads, the waiting room, the application, and the agency's own."""

from __future__ import annotations

import csv
import html
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from funding.models import Application, Place, Window
from funding.services import windows
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.factories.accounts import MembershipFactory, SignInFactory
from tests.funding.windows.stap import CLOSES, OPENS, PRICE, apply, make_learner, make_world, open_window
from tests.pages.consenting import form_of
from tests.pages.support import TITLE, make_offer, signed_in
from tests.support.queries import assert_queries_constant
from tests.support.world import STARTS, Learner, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    cache.clear()
    with clock.at(OPENS) as virtual:
        yield virtual


@pytest.fixture
def world(hand: VirtualClock) -> World:
    made = make_world()
    make_offer(made)
    return made


def of(learner: Learner) -> Client:
    return signed_in(learner.user, sign_in=learner.sign_in)


def room(world: World, **changes: Any) -> Window:
    """Somebody every ten seconds."""
    return open_window(world, **{"admissions_per_s": Decimal("0.1"), **changes})


def text(answer: Any) -> str:
    """What the page says, without its markup."""
    body = re.sub(r"<(script|title).*?</\1>|<[^>]+>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(body).split()).replace(" ,", ",")


# -- for everybody ---------------------------------------------------------------------------------------


def test_the_list_tells_open_coming_and_past_apart(client: Client, world: World, hand: VirtualClock) -> None:
    now = open_window(world, 100_000)
    later = open_window(world, 200_000, opens_at=OPENS + timedelta(days=3))
    page = text(client.get("/windows/"))
    assert page.index("Open now") < page.index(now.name) < page.index("Coming") < page.index(later.name)
    assert "€1,000.00" in page
    hand.move(CLOSES)
    page = text(client.get("/windows/"))
    assert "No window is open." in page
    assert page.index("Over") < page.index(now.name)


def test_the_list_asks_as_much_for_many_windows(client: Client, world: World) -> None:
    def more(n: int) -> None:
        for number in range(n):
            open_window(world, 1000 + number, slices=3)
            open_window(world, 1000, opens_at=OPENS + timedelta(days=1))

    assert_queries_constant(more, lambda: client.get("/windows/"))


def test_before_it_opens_a_page_counts_down_and_takes_nobody(
    client: Client, world: World, hand: VirtualClock
) -> None:
    window, learner = room(world, opens_at=OPENS + timedelta(hours=2)), make_learner(world)
    page = client.get(f"/windows/{window.pk}/")
    assert "Opens in 2 hours" in text(page)
    assert '<meta http-equiv="refresh" content="120">' in page.content.decode()
    assert "Take my place" not in text(of(learner).get(f"/windows/{window.pk}/"))
    answer = of(learner).post(f"/windows/{window.pk}/place/", follow=True)
    assert "The window has not opened yet." in text(answer)
    assert not Place.objects.exists()
    hand.move(window.opens_at - timedelta(seconds=3))
    page = client.get(f"/windows/{window.pk}/")
    assert "Opens in 3 seconds" in text(page)
    assert '<meta http-equiv="refresh" content="4">' in page.content.decode()
    hand.move(window.opens_at)
    page = of(learner).get(f"/windows/{window.pk}/")
    assert "Take my place" in text(page)
    assert "http-equiv" not in page.content.decode()


def test_a_windows_page_says_its_rules_and_its_budget_in_plain_words(client: Client, world: World) -> None:
    window = room(world, budget_cents=250_000)
    page = text(client.get(f"/windows/{window.pk}/"))
    for said in (
        "€2,500.00 are left. That is enough for 2 grants of the full €1,000.00; for more when trainings cost less.",
        "at most €1,000.00, to the provider",
        "Once in a calendar year.",
        "Nobody goes before their turn.",
        "at least 6 months of the last two years",
        "1 June 2026",
        "Sign in to apply",
    ):
        assert said.replace("\xa0", " ") in page.replace("\xa0", " "), said


def test_a_closed_window_and_a_budget_that_is_gone_say_so_plainly(
    client: Client, world: World, hand: VirtualClock
) -> None:
    window = open_window(world, PRICE)
    apply(world, window, make_learner(world))
    page = text(client.get(f"/windows/{window.pk}/"))
    assert "The budget of this window is used up" in page
    assert "There is no waiting list" in page
    hand.move(CLOSES)
    assert "This window is closed" in text(client.get(f"/windows/{window.pk}/"))


def test_who_has_no_account_in_the_scheme_reads_it(world: World) -> None:
    window = room(world)
    client = signed_in(world.provider_user)
    assert "You have no learning account in this scheme" in text(client.get(f"/windows/{window.pk}/"))
    assert client.post(f"/windows/{window.pk}/place/").status_code == 404
    assert client.post(f"/windows/{window.pk}/leave/").status_code == 404
    assert client.get(f"/windows/{window.pk}/waiting/").status_code == 404


# -- the waiting room --------------------------------------------------------------------------------------


def test_a_place_is_taken_once_and_found_again_on_every_device(world: World, hand: VirtualClock) -> None:
    window, learner = room(world), make_learner(world)
    for _ in range(25):
        windows.take_place(actor=make_learner(world).user, window_id=window.pk)
    telephone, computer = of(learner), of(learner)
    answer = telephone.post(f"/windows/{window.pk}/place/")
    assert answer.headers["Location"] == f"/windows/{window.pk}/waiting/"
    assert computer.post(f"/windows/{window.pk}/place/").status_code == 302
    assert Place.objects.filter(account=learner.account).count() == 1
    for client in (telephone, computer):
        page = client.get(f"/windows/{window.pk}/waiting/")
        said = text(page).replace("\xa0", " ")
        assert "Your turn comes in about 4 minutes at 10:04:10 on 4 May 2026, and not later" in said
        assert "Your number 26" in said
        assert "Before you 24 people at most" in said
        assert '<meta http-equiv="refresh" content="25">' in page.content.decode()
    hand.move(OPENS + timedelta(seconds=245))
    said = text(telephone.get(f"/windows/{window.pk}/waiting/"))
    assert "Your turn comes in about 5 seconds" in said
    assert "nobody: you are next" in said
    hand.move(OPENS + timedelta(seconds=250))
    page = telephone.get(f"/windows/{window.pk}/waiting/")
    assert "It is your turn" in text(page)
    assert "http-equiv" not in page.content.decode()


def test_a_view_of_the_waiting_room_costs_the_same_whoever_waits(world: World) -> None:
    window, learner = room(world), make_learner(world)
    client = of(learner)

    def more(n: int) -> None:
        for _ in range(n):
            windows.take_place(actor=make_learner(world).user, window_id=window.pk)
        windows.take_place(actor=learner.user, window_id=window.pk)

    assert_queries_constant(more, lambda: client.get(f"/windows/{window.pk}/waiting/"))


def test_the_estimate_stays_honest_when_the_money_will_not_reach(world: World, hand: VirtualClock) -> None:
    window, learner, first = room(world, budget_cents=PRICE), make_learner(world), make_learner(world)
    windows.take_place(actor=first.user, window_id=window.pk)
    windows.take_place(actor=learner.user, window_id=window.pk)
    said = text(of(learner).get(f"/windows/{window.pk}/waiting/"))
    assert "enough for 0 grants of the full €1,000.00" in said
    assert "nothing is left when your turn comes" in said
    apply(world, window, first)
    page = of(learner).get(f"/windows/{window.pk}/waiting/")
    assert "There is nothing to wait for any more." in text(page)
    assert "http-equiv" not in page.content.decode()
    hand.move(CLOSES)
    assert "This window is closed" in text(of(learner).get(f"/windows/{window.pk}/waiting/"))


def test_who_leaves_is_told_what_it_means(world: World) -> None:
    window, learner = room(world), make_learner(world)
    client = of(learner)
    client.post(f"/windows/{window.pk}/place/")
    answer = client.post(f"/windows/{window.pk}/leave/", follow=True)
    assert "If you come again, you come last." in text(answer)
    assert client.get(f"/windows/{window.pk}/waiting/").status_code == 302
    assert "does not exist" in text(client.post(f"/windows/{window.pk}/leave/", follow=True))


# -- choosing and applying -----------------------------------------------------------------------------------


def test_the_choice_shows_what_fits_and_who_pays(client: Client, world: World) -> None:
    window = open_window(world)
    dear = world.make_credential(title="Dear training", register_price_cents=150_000)
    world.make_session(dear, price_cents=130_000)
    hidden: dict[str, dict[str, Any]] = {
        "Above the register": {"register_price_cents": 80_000},
        "Too soon": {"starts_at": OPENS + timedelta(days=20)},
        "Too late": {"starts_at": OPENS + timedelta(days=200), "ends_at": OPENS + timedelta(days=201)},
        "Elsewhere": {"currency": "SGD"},
        "Full": {"seats": 0},
        "Closed": {"recruitment_closed": True},
    }
    for title, facts in hidden.items():
        of_entry = {name: facts.pop(name) for name in ("register_price_cents",) if name in facts}
        world.make_session(world.make_credential(title=title, **of_entry), price_cents=PRICE, **facts)
    page = text(client.get(f"/windows/{window.pk}/sessions/"))
    assert not [title for title in hidden if title in page]
    assert "2 sessions" in page or "3 sessions" in page
    row = page[page.index("Dear training") :]
    assert "€1,300.00 (register: €1,500.00)" in row
    assert "The grant pays €1,000.00 You pay €300.00" in row
    for words_asked in ("dear train", dear.entry, f"{dear.provider.name} dear"):
        found = text(client.get(f"/windows/{window.pk}/sessions/", {"q": words_asked}))
        assert "1 session" in found, words_asked
        assert "Dear training" in found
    assert "No session fits" in text(client.get(f"/windows/{window.pk}/sessions/", {"q": "nothing"}))


def test_the_choice_asks_as_much_for_many_sessions(client: Client, world: World) -> None:
    window = open_window(world)

    def more(n: int) -> None:
        for _ in range(n):
            world.make_session(world.make_credential(), price_cents=PRICE)

    assert_queries_constant(more, lambda: client.get(f"/windows/{window.pk}/sessions/"))


def address(window: Window, world: World) -> str:
    return f"/windows/{window.pk}/apply/{world.session.pk}/"


def test_an_application_shows_who_pays_and_is_granted_with_the_consent(world: World) -> None:
    window, learner = open_window(world), make_learner(world)
    client = of(learner)
    page = text(client.get(address(window, world)))
    assert "The grant, to the provider €900.00" in page
    assert "You yourself €0.00" in page
    assert "A grant counts for its year" in page
    refused = client.post(address(window, world), {"key": uuid.uuid4()})
    assert refused.status_code == 422
    assert "Tick the box" in text(refused)
    sent = form_of(client, address(window, world)) | {"brought_by": "nobody"}
    for _ in range(2):
        answer = client.post(address(window, world), sent)
        assert answer.headers["Location"] == f"/windows/{window.pk}/result/"
    granted = Application.objects.get().booking
    assert [each.kind for each in granted.introductions.all()] == ["nobody"]
    page = text(client.get(f"/windows/{window.pk}/result/"))
    assert "Granted €900.00" in page
    assert "You are granted €900.00. (rule N-01)" in page
    assert client.get(address(window, world)).headers["Location"] == f"/windows/{window.pk}/result/"
    assert of(make_learner(world)).get(f"/windows/{window.pk}/result/").status_code == 404
    assert client.get(f"/bookings/{Application.objects.get().booking.public_id}/").status_code == 200


def test_a_weak_sign_in_is_sent_to_the_strong_one_and_back(world: World) -> None:
    window, learner = open_window(world), make_learner(world)
    weak = SignInFactory.create(user=learner.user, assurance="weak")
    client = signed_in(learner.user, sign_in=weak)
    page = client.get(address(window, world)).content.decode()
    assert f"/accounts/e-identity/?next=%2Fwindows%2F{window.pk}%2Fapply%2F{world.session.pk}%2F" in page
    answer = client.post(address(window, world), {"key": uuid.uuid4(), "consent": "on"})
    assert answer.headers["Location"].startswith("/accounts/e-identity/?next=%2Fwindows%2F")
    assert not Application.objects.exists()


def test_before_the_turn_the_form_is_not_there_and_a_post_is_refused(
    world: World, hand: VirtualClock
) -> None:
    window, learner = room(world), make_learner(world)
    client = of(learner)
    assert "You have no place in the waiting room yet." in text(client.get(address(window, world)))
    windows.take_place(actor=make_learner(world).user, window_id=window.pk)
    windows.take_place(actor=learner.user, window_id=window.pk)
    page = text(client.get(address(window, world)))
    assert "It is not your turn yet: you have place number 2." in page
    assert "Apply for €900.00" not in page
    sent = {"key": uuid.uuid4(), "consent": "on"}
    refused = client.post(address(window, world), sent)
    assert refused.status_code == 409
    assert "nobody goes before their turn" in text(refused)
    hand.move(OPENS + timedelta(seconds=10))
    form = form_of(client, address(window, world))
    assert client.post(address(window, world), form).status_code == 302


def test_a_refusal_is_said_with_its_rule(world: World) -> None:
    window, learner = open_window(world), make_learner(world)
    world.session.starts_at = OPENS + timedelta(days=10)
    world.session.save(update_fields=["starts_at"])
    refused = of(learner).post(address(window, world), {"key": uuid.uuid4(), "consent": "on"})
    assert "starts too soon after the application" in text(refused)
    assert "(rule N-05)" in text(refused)


# -- what is published -----------------------------------------------------------------------------------------


def test_n17_grants_are_published_as_page_and_file(client: Client, world: World) -> None:
    window = open_window(world)
    assert "Nothing has been granted yet." in text(client.get(f"/windows/{window.pk}/grants/"))
    world.credential.title = "=cmd|' /C calc'!A0"
    world.credential.save()
    entry = world.make_credential(title='Welding, "basic"')
    session = world.make_session(entry, price_cents=50_000)
    apply(world, window, make_learner(world, birth_date=STARTS.date().replace(year=1990), status="retired"))
    apply(world, window, make_learner(world), session_id=session.pk)
    page = text(client.get(f"/windows/{window.pk}/grants/"))
    assert "2 grants" in page
    for said in ("28-37", "Retired", "€900.00", "€500.00", 'Welding, "basic"'):
        assert said in page
    answer = client.get(f"/windows/{window.pk}/grants.csv")
    body = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.DictReader(StringIO(body)))
    assert {row["programme"] for row in rows} == {"'=cmd|' /C calc'!A0", 'Welding, "basic"'}
    assert {row["grant_cents"] for row in rows} == {"90000", "50000"}
    assert list(rows[0]) == [
        "window",
        "provider",
        "programme",
        "grant_cents",
        "age_band",
        "status",
        "education_level",
        "currency",
    ]


# -- the agency ------------------------------------------------------------------------------------------------


def a_window(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "scheme": world.scheme.code,
        "name": "July",
        "opens": "2026-07-01T10:00:00",
        "closes": "2026-08-31T18:00:00",
        "budget": "1234.56",
        "admissions_per_s": "12.5",
        "slices": "2",
        **changes,
    }


def test_a_window_is_set_in_two_steps_at_the_schemes_time(world: World) -> None:
    client = signed_in(world.case_worker)
    assert "Set a window" in text(client.get("/agency/windows/"))
    page = text(client.post("/agency/windows/open/", a_window(world)))
    assert "Read it once more" in page
    assert "1 July 2026, 10:00" in page.replace("\xa0", " ")
    assert "€1,234.56" in page
    assert not Window.objects.exists()
    assert "Read it once more" not in text(
        client.post("/agency/windows/open/", {**a_window(world), "change": "1"})
    )
    answer = client.post("/agency/windows/open/", {**a_window(world), "confirm": "1"}, follow=True)
    window = Window.objects.get()
    assert window.opens_at.isoformat() == "2026-07-01T08:00:00+00:00"
    assert (window.left_cents, window.slices.count(), window.admissions_per_s) == (
        123_456,
        1,
        Decimal("12.5"),
    )
    assert "lets 12.5 people a second through" in text(answer)
    again = client.post("/agency/windows/open/", {**a_window(world), "confirm": "1"})
    assert again.status_code == 409
    assert "a window of this name already" in text(again)


def test_a_window_that_cannot_be_is_sent_back(world: World) -> None:
    client = signed_in(world.case_worker)
    wrong = {
        "closes": "2026-06-01T10:00:00",
        "budget": "-1",
        "slices": "0",
        "admissions_per_s": "0",
        "scheme": "cpf",
        "name": "",
    }
    answer = client.post("/agency/windows/open/", a_window(world, **wrong))
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == set(wrong)
    answer = client.post("/agency/windows/open/", a_window(world, closes=wrong["closes"]))
    assert "The window closes before it opens." in text(answer)


def test_who_may_not_set_windows_cannot(world: World) -> None:
    auditor = MembershipFactory.create(organisation=world.agency, role="auditor").user
    for user in (world.payer, auditor):
        client = signed_in(user)
        assert "Set a window" not in text(client.get("/agency/windows/"))
        assert client.post("/agency/windows/open/", {**a_window(world), "confirm": "1"}).status_code == 403
    assert not Window.objects.exists()


def test_the_run_of_a_window(world: World, hand: VirtualClock) -> None:
    window = room(world, slices=2)
    for minute in range(3):
        hand.move(OPENS + timedelta(minutes=minute))
        learner = make_learner(world)
        windows.take_place(actor=learner.user, window_id=window.pk)
        apply(world, window, learner)
    for _ in range(3):
        windows.take_place(actor=make_learner(world).user, window_id=window.pk)
    page = text(signed_in(world.payer).get(f"/agency/windows/{window.pk}/"))
    assert "Granted 3 · €2,700.00" in page
    assert "6 places taken, 3 of them still wait" in page
    assert f"Window {window.name}, part 2" in page
    assert TITLE not in page
