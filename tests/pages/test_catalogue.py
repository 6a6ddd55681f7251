"""Searching the catalogue, and the page of one entry."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from catalogue.models import MicroCredential, Offer, Session, SessionSeats
from catalogue.selectors import bookability, listing
from catalogue.services.micro_credentials import search_text
from ila.core import clock
from tests.pages.support import GOALS, Scene
from tests.support.world import World

pytestmark = pytest.mark.django_db


def text_of(content: bytes) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content.decode())).replace("\u00a0", " ")


def titles(client: Client, **query: str) -> list[str]:
    """What a search lists, in order."""
    return [row["entry"].title for row in client.get("/catalogue/", query).context["rows"]]


def add(
    world: World, title: str, *, price: int = 100_000, days: int = 40, city: str = "Paris", **facts: Any
) -> Session:
    """One more entry with one session."""
    entry = world.make_credential(title=title, search_text=search_text(title, city), **facts)
    offer = Offer.objects.create(
        micro_credential=entry, external_id="1", mode="online", city=city, currency="EUR", price_cents=price
    )
    starts = clock.now() + timedelta(days=days)
    return world.make_session(
        entry, offer=offer, price_cents=price, starts_at=starts, ends_at=starts + timedelta(days=3)
    )


@pytest.fixture
def three(scene: Scene) -> Scene:
    """Three entries that can be booked, beside the scene's own, which is over."""
    add(scene.world, "Éclairage de scène", price=90_000, days=80, city="Orléans", kind="rncp", code="")
    add(scene.world, "Welding basics", price=60_000, days=50)
    add(scene.world, "Welding for artists", price=120_000, days=30)
    return scene


def test_words_are_found_by_their_beginnings_and_without_accents(client: Client, three: Scene) -> None:
    assert titles(client, q="weld art") == ["Welding for artists"]
    assert titles(client, q="eclairage") == ["Éclairage de scène"]
    assert titles(client, q="ÉCLAIRAGE scene") == ["Éclairage de scène"]
    assert titles(client, place="orleans") == ["Éclairage de scène"]


@pytest.mark.parametrize("text", ["'", "a & !b | (", "*:*", "\\", "%", "   ", "😀", "a" * 500, "' OR 1=1 --"])
def test_no_text_breaks_the_search(client: Client, three: Scene, text: str) -> None:
    assert client.get("/catalogue/", {"q": text}).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"},
        {"page": "99999999999"},
        {"page": "x"},
        {"kind": "nothing"},
        {"price": "-1"},
        {"within": "x"},
        {"sort": "; drop"},
    ],
)
def test_a_wrong_filter_is_left_out(client: Client, three: Scene, query: dict[str, str]) -> None:
    assert client.get("/catalogue/", query).context["page"].paginator.count == 4


def test_filters_narrow_and_sorting_orders(client: Client, three: Scene) -> None:
    assert titles(client, kind="rncp") == ["Éclairage de scène"]
    assert titles(client, price="100000", bookable="on", sort="price") == [
        "Welding basics",
        "Éclairage de scène",
    ]
    assert titles(client, within="1") == ["Welding for artists"]
    assert titles(client, sort="start", bookable="on") == [
        "Welding for artists",
        "Welding basics",
        "Éclairage de scène",
    ]
    assert titles(client, mode="online", q="welding", sort="price") == [
        "Welding basics",
        "Welding for artists",
    ]


def test_what_can_be_booked_comes_first(client: Client, three: Scene) -> None:
    assert titles(client)[-1] == three.world.credential.title


def test_each_facet_says_what_it_leaves(client: Client, three: Scene) -> None:
    context = client.get("/catalogue/", {"q": "welding"}).context
    (kinds,) = (facet["choices"] for facet in context["facets"] if facet["name"] == "kind")
    assert [(str(one["label"]), one["count"]) for one in kinds] == [("Specific certification (RS)", 2)]
    for facet in client.get("/catalogue/", {"place": "Paris"}).context["facets"]:
        for one in facet["choices"]:
            assert client.get(one["url"]).context["page"].paginator.count == one["count"], one


def test_an_empty_result_names_the_filter_to_drop(client: Client, three: Scene) -> None:
    answer = client.get("/catalogue/", {"q": "welding", "kind": "rncp"})
    offered = answer.context["without"]
    assert [(label, count) for label, _url, count in offered] == [
        ("National qualification (RNCP)", 2),
        ("“welding”", 1),
    ]
    for _label, url, count in offered:
        assert client.get(url).context["page"].paginator.count == count
    nothing = client.get("/catalogue/", {"q": "xyzzy"})
    assert "Show the whole catalogue" in text_of(nothing.content)


def test_the_words_of_a_search_are_shown_as_text(client: Client, three: Scene) -> None:
    content = client.get("/catalogue/", {"q": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in content


def test_pages_keep_the_search(client: Client, scene: Scene) -> None:
    for number in range(25):
        add(scene.world, f"Weaving {number:02d}")
    page = client.get("/catalogue/", {"q": "weaving", "page": "2"})
    assert len(page.context["rows"]) == 5
    assert "?q=weaving&amp;page=1" in page.content.decode()


# -- one entry ------------------------------------------------------------------------------------------------------


def test_an_entry_says_what_when_where_and_how_much(client: Client, three: Scene) -> None:
    session = add(three.world, "Bookbinding", hours=35)
    words = text_of(client.get(f"/catalogue/{session.micro_credential_id}/").content)
    for expected in (
        "Bookbinding",
        "Provider accredited",
        "€1,000.00",
        "all taxes included",
        "Qualiopi",
        "35",
        "Paris",
    ):
        assert expected in words
    assert "Not bookable now" not in words


def test_a_sanitised_text_stays_harmless_whatever_is_stored(client: Client, scene: Scene) -> None:
    entry = scene.world.credential
    entry.goals_html = (
        GOALS + "<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>x</a>"
        "<a href='https://example.org' onclick='x()'>site</a><p style='position:fixed'>p</p><h1>big</h1>"
    )
    entry.save()
    content = client.get(f"/catalogue/{entry.pk}/").content.decode()
    for bad in ("<script>alert", "onerror", "javascript:", "onclick", "position:fixed", "<h1>big", "<h4>"):
        assert bad not in content
    assert '<a href="https://example.org" rel="nofollow noopener">site</a>' in content
    assert "<h3>You can</h3>" in content


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"recruitment_closed": True}, "The provider takes nobody new for it."),
        ({"starts_at": None, "ends_at": None}, "No dates are known yet."),
        ({"price_cents": 0}, "No price is published"),
    ],
)
def test_a_session_says_why_it_cannot_be_booked(
    client: Client, scene: Scene, change: dict[str, object], sentence: str
) -> None:
    session = add(scene.world, "Bookbinding")
    Session.objects.filter(pk=session.pk).update(**change)
    words = text_of(client.get(f"/catalogue/{session.micro_credential_id}/").content)
    assert "Not bookable now" in words
    assert sentence in words


def test_f22_a_session_that_starts_too_soon_says_so(client: Client, scene: Scene) -> None:
    session = add(scene.world, "Bookbinding", days=5)
    words = text_of(client.get(f"/catalogue/{session.micro_credential_id}/").content)
    assert "It starts too soon to be booked" in words


def test_a_full_session_says_so(client: Client, scene: Scene) -> None:
    session = add(scene.world, "Bookbinding")
    SessionSeats.objects.filter(session=session).update(seats=3, taken=3)
    assert "All seats are taken." in text_of(client.get(f"/catalogue/{session.micro_credential_id}/").content)
    assert titles(client, bookable="on") == []


def test_a_suspended_accreditation_says_so(client: Client, scene: Scene) -> None:
    provider = scene.world.make_provider(accredited=False)
    entry = scene.world.make_credential(provider)
    words = text_of(client.get(f"/catalogue/{entry.pk}/").content)
    assert "Provider not accredited" in words
    assert "The provider is not accredited today" in words
    assert "No authority has accredited this provider." in words


def test_missing_is_not_specified_and_never_no(client: Client, scene: Scene) -> None:
    entry = scene.world.make_credential(hours=None)
    assert "Prerequisites not specified" in text_of(client.get(f"/catalogue/{entry.pk}/").content)
    assert "Hours not specified" in text_of(client.get(f"/catalogue/{entry.pk}/").content)


def test_what_an_entry_has_to_tell_and_does_not_is_named(client: Client, scene: Scene) -> None:
    entry = scene.world.credential
    MicroCredential.objects.filter(pk=entry.pk).update(assessed=None, assessment_type="", content_html="")
    address = f"/catalogue/{entry.pk}/"

    def untold_now() -> str:
        row = client.get(address).content.split(b"Not specified by the provider", 1)[1]
        return text_of(row.split(b"</dd>", 1)[0])

    untold = untold_now()
    for name in ("Content", "Type of assessment", "What is certified", "Inherent requirements"):
        assert name in untold
    MicroCredential.objects.filter(pk=entry.pk).update(
        assessed=True, assessment_type="Practical examination", content_html="<p>Words</p>"
    )
    untold = untold_now()
    assert "Content" not in untold
    assert "Type of assessment" not in untold
    compared = text_of(client.get("/catalogue/compare/", {"entry": entry.pk}).content)
    assert "Type of assessment Practical examination What is certified not specified" in compared


def test_drafts_are_not_there(client: Client, scene: Scene) -> None:
    entry = scene.world.make_credential(state="draft")
    assert client.get(f"/catalogue/{entry.pk}/").status_code == 404
    assert client.get("/catalogue/999999999/").status_code == 404


@pytest.mark.parametrize(
    "came_from", ["//evil.example", "q=a&next=https://evil.example", "javascript:alert(1)"]
)
def test_the_way_back_leads_into_our_catalogue_only(client: Client, scene: Scene, came_from: str) -> None:
    answer = client.get(f"/catalogue/{scene.world.credential.pk}/", {"from": came_from})
    assert answer.context["back"] in {"/catalogue/", "/catalogue/?q=a"}


def test_the_list_and_the_register_agree_on_what_can_be_booked(scene: Scene) -> None:
    """`can_book`, reckoned in the database for whole lists, says what `catalogue_list` says entry by entry."""
    dice = random.Random(7)
    world = scene.world
    bad = world.make_provider(accredited=False)
    nameless = world.make_provider()
    nameless.name = ""
    nameless.save()
    for number in range(60):
        provider = dice.choice([world.provider, world.provider, bad, nameless])
        entry = world.make_credential(
            provider,
            title=f"Entry {number}",
            price_cents=dice.choice([None, 0, 90_000]),
            total_mismatch=dice.random() < 0.2,
        )
        for _ in range(dice.randrange(3)):
            starts = clock.now() + timedelta(days=dice.choice([-3, 5, 14, 15, 16, 17, 18, 40]))
            world.make_session(
                entry,
                starts_at=dice.choice([starts, starts, None]),
                ends_at=starts + timedelta(days=2),
                price_cents=dice.choice([0, 50_000]),
                recruitment_closed=dice.random() < 0.2,
            )
    entries = bookability.with_sessions(MicroCredential.objects.select_related("provider"))
    told = {view.micro_credential.pk for view in bookability.view_entries(entries) if view.bookable}
    listed = listing.with_bookability(listing.listed(), clock.now())
    assert {entry.pk for entry in listed if entry.can_book} == told
    assert told, "the dice made nothing bookable: the test compares nothing"
