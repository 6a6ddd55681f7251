"""A registered entry that is to say something else stays listed as it was; and it is taught at several places."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Message
from catalogue.models import EntryVersion, MicroCredential, Offer, Provider
from catalogue.selectors import completeness as selected
from catalogue.services import entry_drafts, entry_places, entry_versions, sessions
from catalogue.services.listings import bring_all_up_to_date
from tests.catalogue.providers.desk import Desk
from tests.catalogue.providers.test_applications import refused

CLAIM = {"goals_html": "Learn to weld. It is free for all."}


@pytest.fixture
def provider(desk: Desk) -> Provider:
    return desk.accredited()


@pytest.fixture
def entry(desk: Desk, provider: Provider) -> MicroCredential:
    return desk.registered_entry(provider)


def save(desk: Desk, entry: MicroCredential, **values: Any) -> MicroCredential:
    return entry_drafts.save_entry(actor=desk.applicant, entry_id=entry.pk, values=values)


def decide(desk: Desk, entry: MicroCredential, *, accepted: bool, **told: Any) -> EntryVersion:
    told = {"stamp": entry.versions.latest("pk").stamp, "actor": desk.case_worker, **told}
    return entry_versions.decide_version(entry_id=entry.pk, accepted=accepted, **told)


def test_what_was_examined_waits_and_the_rest_holds_at_once(desk: Desk, entry: MicroCredential) -> None:
    save(desk, entry, title="Weld very safely", certifies="aims", recognition="Two credits")
    entry.refresh_from_db()
    assert (entry.title, entry.state) == ("Weld safely in a workshop", "registered")
    assert entry.description.certifies == "outcomes"
    assert entry.description.recognition == "Two credits"
    version = EntryVersion.objects.get()
    assert (version.number, version.values) == (2, {"title": "Weld very safely", "certifies": "aims"})
    assert version.before == {"title": "Weld safely in a workshop", "certifies": "outcomes"}
    decide(desk, entry, accepted=True)
    entry = MicroCredential.objects.select_related("description").get(pk=entry.pk)
    assert (entry.title, entry.description.certifies) == ("Weld very safely", "aims")
    assert "weld very safely" in entry.search_text
    row = entry.log.latest("pk")
    assert (row.transition, row.data["version"]) == ("amend", 2)
    assert row.data["before"] == {"title": "Weld safely in a workshop", "certifies": "outcomes"}
    assert Message.objects.filter(template="version_decided").get().context["accepted"] is True


def test_a_version_is_gone_on_with_and_ends_when_nothing_differs(desk: Desk, entry: MicroCredential) -> None:
    save(desk, entry, title="One")
    first = EntryVersion.objects.get().stamp
    save(desk, entry, title="Two", kind="course")
    error = refused(
        "not_allowed",
        entry_versions.decide_version,
        actor=desk.case_worker,
        entry_id=entry.pk,
        stamp=first,
        accepted=True,
    )
    assert error.params["reason"] == "changed_since"
    assert EntryVersion.objects.get().values == {"title": "Two", "kind": "course"}
    save(desk, entry, title="Weld safely in a workshop", kind="rs")
    assert EntryVersion.objects.get().taken_back
    save(desk, entry, title="Three")
    assert [one.number for one in EntryVersion.objects.order_by("pk")] == [2, 3]


def test_a_version_is_refused_or_taken_back(desk: Desk, entry: MicroCredential) -> None:
    save(desk, entry, title="Other")
    refused("incomplete", decide, desk=desk, entry=entry, accepted=False)
    for actor in (desk.applicant, Desk.made("Rival").applicant):
        refused("not_allowed", decide, desk=desk, entry=entry, accepted=True, actor=actor)
    decide(desk, entry, accepted=False, reason="This is another training.")
    refused("not_allowed", decide, desk=desk, entry=entry, accepted=True)
    save(desk, entry, title="Again")
    refused(
        "not_allowed",
        entry_versions.take_back_version,
        actor=Desk.made("Third").applicant,
        entry_id=entry.pk,
    )
    entry_versions.take_back_version(actor=desk.applicant, entry_id=entry.pk)
    entry.refresh_from_db()
    assert entry.title == "Weld safely in a workshop"


def test_s12_a_version_makes_no_forbidden_claim(desk: Desk, entry: MicroCredential) -> None:
    refused("forbidden_claim", entry_drafts.save_entry, actor=desk.applicant, entry_id=entry.pk, values=CLAIM)
    assert not EntryVersion.objects.exists()


def test_several_places_with_sessions_of_their_own(desk: Desk, entry: MicroCredential) -> None:
    told: dict[str, Any] = {"actor": desk.applicant, "entry_id": entry.pk}
    first = selected.offer_of(entry)
    assert first is not None
    error = refused("not_allowed", entry_places.remove_place, **told, offer_id=first.pk)
    assert error.params["reason"] == "last_place"
    paris = entry_places.add_place(**told, street="2 rue de la Paix", postcode="75002", city="Paris")
    assert (paris.mode, paris.price_cents) == (first.mode, 100_000)
    session = sessions.create_session(
        actor=desk.applicant,
        micro_credential=entry,
        external_id=entry_drafts.next_session_id(entry),
        price_cents=100_000,
        currency="EUR",
        offer=paris,
    )
    error = refused("not_allowed", entry_places.remove_place, **told, offer_id=paris.pk)
    assert error.params["reason"] == "sessions_there"
    sessions.cancel_session(actor=desk.applicant, session_id=session.pk)
    bring_all_up_to_date()
    assert len(entry.listing.spots) == 2
    # The way it is taught is that of all its places; where each is, is its own.
    save(desk, entry, participation="blended", city="Villeurbanne", postcode="69100")
    assert {(one.mode, one.city) for one in selected.offers_of(entry)} == {
        ("blended", "Villeurbanne"),
        ("blended", "Paris"),
    }
    entry_places.remove_place(**told, offer_id=paris.pk)
    assert selected.offers_of(entry).count() == 1
    assert Offer.objects.count() == 2, "what was taught there is kept"
    rival = Desk.made("Rival").applicant
    refused(
        "not_allowed",
        entry_places.add_place,
        actor=rival,
        entry_id=entry.pk,
        street="",
        postcode="1",
        city="X",
    )
    refused("not_allowed", entry_places.remove_place, actor=rival, entry_id=entry.pk, offer_id=first.pk)
    refused("not_found", entry_places.remove_place, **told, offer_id=paris.pk)
