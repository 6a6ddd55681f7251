"""The list that searches read is true at every moment, whoever changes what it is made from."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from accounts.services import service_users
from catalogue.models import (
    Accreditation,
    Listing,
    MicroCredential,
    Offer,
    OutdatedEntry,
    Session,
    SessionSeats,
)
from catalogue.selectors import bookability, listing, traits
from catalogue.services import accreditations, listings, micro_credentials
from ila.core import clock
from tests.catalogue.search.conftest import Add, Look
from tests.support.queries import captured_queries
from tests.support.world import World

BOOKABLE = traits.TRAITS["bookable"].value("on")


def bookable() -> set[int]:
    """The entries that the list says can be booked."""
    return {line.entry_id for line in Listing.objects.all() if line.traits & BOOKABLE}


def truth() -> set[int]:
    """The entries that can be booked, reckoned one by one."""
    entries = bookability.with_sessions(MicroCredential.objects.select_related("provider"))
    return {view.micro_credential.pk for view in bookability.view_entries(entries) if view.bookable}


def test_lines_agree_with_entries_through_the_days(world: World, monday: clock.VirtualClock) -> None:
    dice = random.Random(11)
    other = world.make_provider()
    ended = Accreditation.objects.get(provider=other)
    Accreditation.objects.filter(pk=ended.pk).update(
        valid_from=date(2026, 5, 6), valid_until=date(2026, 6, 1)
    )
    nameless = world.make_provider()
    nameless.name = ""
    nameless.save()
    for number in range(50):
        entry = world.make_credential(
            dice.choice([world.provider, other, nameless]),
            title=f"Entry {number}",
            price_cents=dice.choice([None, None, 0, 90_000]),
            total_mismatch=dice.random() < 0.1,
        )
        for _ in range(dice.randrange(3)):
            starts = clock.now() + timedelta(days=dice.randrange(1, 60))
            world.make_session(
                entry,
                starts_at=dice.choice([starts, starts, None]),
                ends_at=starts + timedelta(days=2),
                price_cents=dice.choice([0, 50_000, 50_000]),
                recruitment_closed=dice.random() < 0.2,
            )
    seen = set()
    for _ in range(12):
        listings.bring_all_up_to_date()
        assert bookable() == truth(), clock.now()
        assert bookable() == {
            one.pk for one in listing.with_bookability(listing.listed(), clock.now()) if one.can_book
        }
        seen.add(len(bookable()))
        monday.move(monday.moment + timedelta(days=6, hours=5))
    assert len(seen) > 3, "the days changed nothing: the test compares nothing"


Change = Callable[[World, MicroCredential], Any]


@pytest.mark.parametrize(
    "change",
    [
        lambda _world, entry: Session.objects.filter(micro_credential=entry).update(recruitment_closed=True),
        lambda _world, entry: SessionSeats.objects.filter(session__micro_credential=entry).update(
            seats=2, taken=2
        ),
        lambda _world, entry: MicroCredential.objects.filter(pk=entry.pk).update(total_mismatch=True),
        lambda _world, entry: Accreditation.objects.filter(provider=entry.provider).update(
            valid_until=date(2026, 1, 1)
        ),
        lambda _world, entry: entry.provider.__class__.objects.filter(pk=entry.provider_id).update(name=""),
        lambda world, entry: accreditations.suspend_accreditation(
            actor=world.case_worker,
            accreditation_id=Accreditation.objects.get(provider=entry.provider).pk,
            reason="x",
        ),
        lambda world, entry: micro_credentials.suspend_micro_credential(
            actor=world.case_worker, micro_credential_id=entry.pk, reason="x"
        ),
        lambda world, entry: micro_credentials.delist_micro_credential(
            actor=world.case_worker, micro_credential_id=entry.pk, reason="x"
        ),
    ],
    ids=["closed", "full", "mismatch", "expired", "nameless", "suspended", "entry-suspended", "delisted"],
)
def test_each_change_is_noticed(world: World, add: Add, look: Look, change: Change) -> None:
    entry = add("Welding")
    assert look(q="welding", bookable="on").total == 1
    change(world, entry)
    assert look(q="welding", bookable="on").total == 0


def test_a_booking_leaves_no_note_unless_it_takes_the_last_seat(world: World, add: Add, look: Look) -> None:
    entry = add("Welding")
    seats = SessionSeats.objects.filter(session__micro_credential=entry)
    seats.update(seats=3)
    look()
    assert OutdatedEntry.objects.count() == 0
    seats.update(taken=1)
    seats.update(taken=2)
    assert OutdatedEntry.objects.count() == 0
    seats.update(taken=3)
    assert OutdatedEntry.objects.count() == 1
    assert look(q="welding", bookable="on").total == 0
    seats.update(taken=2)
    assert look(q="welding", bookable="on").total == 1


def test_places_and_words_follow(world: World, add: Add, look: Look) -> None:
    entry = add("Welding", city="Lyon")
    assert look(place="Lyon").total == 1
    Offer.objects.filter(micro_credential=entry).update(city="Lille")
    assert (look(place="Lyon").total, look(place="Lille").total) == (0, 1)
    entry.title = entry.search_text = "soldering"
    entry.save()
    assert (look(q="welding").total, look(q="soldering").total) == (0, 1)


def test_a_delisted_entry_comes_back_as_new(
    world: World, add: Add, look: Look, monday: clock.VirtualClock
) -> None:
    entry = add("Welding")
    look()
    first = Listing.objects.get(pk=entry.pk).listed_at
    monday.move(monday.moment + timedelta(days=1))
    entry.title = "Welding again"
    entry.save()
    look()
    assert Listing.objects.get(pk=entry.pk).listed_at == first
    act: dict[str, Any] = {
        "actor": service_users.get("catalogue-import"),
        "micro_credential_id": entry.pk,
        "reason": "x",
    }
    micro_credentials.delist_micro_credential(**act)
    look()
    assert not Listing.objects.filter(pk=entry.pk).exists()
    micro_credentials.relist_micro_credential(**act)
    look()
    assert Listing.objects.get(pk=entry.pk).listed_at == monday.moment


def test_lines_are_made_in_sets(world: World, add: Add) -> None:
    def made(n: int) -> int:
        for number in range(n):
            add(f"Entry {number}", city="Lyon")
        with captured_queries() as queries:
            assert listings.bring_up_to_date() >= n
        return len(queries)

    assert made(5) == made(10)


def test_without_changes_one_question_is_asked(world: World, add: Add) -> None:
    add("Welding")
    listings.bring_all_up_to_date()
    with captured_queries() as queries:
        assert listings.bring_up_to_date() == 0
    assert len(queries) == 1
