"""A blacklist in a browser: a firm and its director are listed, the night finds another firm of theirs, and that firm
is decided on by itself."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from catalogue.models import Provider, ProviderDetail
from fraud.models import BlacklistEntry, Case, Measure
from fraud.services import cases, daily
from funding import audit
from ila.core import clock
from tests.browser.conftest import PHONE, Check, Enter
from tests.browser.test_fraud import Walk
from tests.fraud.casework.office import Office
from tests.support.world import MONDAY

pytestmark = pytest.mark.browser

SURE = {"I have read the file, and this is what shall happen.": True}


def directed_by(provider: Provider, name: str, entered_by: User) -> None:
    ProviderDetail.objects.create(
        provider=provider,
        kind="person",
        facts={
            "role": "director",
            "full_name": name,
            "birth_date": "1970-01-02",
            "share_percent": None,
        },
        valid_from=date(2025, 1, 1),
        entered_by=entered_by,
    )


def decided_case() -> tuple[Office, Case, Provider]:
    """Nothing was taught; the learner has their rights back. The firm's director has another firm."""
    with clock.at(MONDAY) as hand:
        office = Office(hand)
        other = office.world.make_provider()
        for provider, name in ((office.provider, "Ada Faux"), (other, "FAUX Àda")):
            directed_by(provider, name, office.world.user_of(provider))
        ((_learner, booking),) = office.house.accepted(1)
        case = office.case(booking)
        cases.record_finding(
            actor=office.investigator,
            case_id=case.pk,
            booking_id=booking.pk,
            found="not_taught",
            why="The room was empty.",
        )
        office.decided(case)
        office.restored(case)
        return office, Case.objects.get(pk=case.pk), other


def put_into_force(walk: Walk, office: Office, measures: list[Measure]) -> None:
    for one in measures:
        one.refresh_from_db()
        walk.step(office.investigator, one, "Write down its answer", Answer="Nothing came.")
        walk.step(office.manager, one, "Put into force", Why="It stands.", **SURE)


def test_a_firm_its_director_and_by_a_decision_of_its_own_a_related_firm(
    page: Page, server: LiveServer, enter: Enter, check: Check
) -> None:
    office, case, other = decided_case()
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    walk = Walk(page, enter)
    until = (timezone.now() + timedelta(days=730)).date().isoformat()
    given = {"Why": "Nothing was taught.", "Ends on": until}
    walk.step(
        office.investigator,
        case,
        "Propose a measure",
        Measure="The firm is put on the blacklist",
        **given,
        **{"Name of the firm": str(office.provider)},
    )
    walk.step(
        office.investigator,
        case,
        "Propose a measure",
        Measure="A person is put on the blacklist",
        **given,
        **{"Name of the person": "Ada Faux", "Birth date of the person": "1970-01-02"},
    )
    listings = list(case.measures.order_by("pk"))
    for one in listings:
        walk.step(office.investigator, one, "Announce")
    with time_machine.travel(timezone.now() + timedelta(days=16)):
        put_into_force(Walk(page, enter), office, listings)
        check("fraud-blacklist-measure")
        assert not daily.watch_day().failed
        # Whoever is like one on the list is shown to people, and nothing else happens to them.
        assert not BlacklistEntry.objects.filter(provider=other).exists()
        assert other.accreditations.get().state == "accredited"
        walk = Walk(page, enter)
        walk.as_(office.investigator)
        walk.to("fraud_alerts")
        row = page.get_by_role("row").filter(has_text=str(other)).filter(has_text="D07")
        row.get_by_role("link").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("is much like one that is blacklisted")
        expect(page.get_by_text("FAUX Àda is like Ada Faux on the blacklist")).to_be_visible()
        check("fraud-blacklist-alert")
        walk.step(
            office.investigator,
            case,
            "Propose a measure",
            Measure="A related firm is put on the blacklist",
            **given,
            **{
                "Related firm": str(other),
                "How it is connected": "Ada Faux directs both, says the register of firms.",
            },
        )
        related = case.measures.get(kind="blacklist_related")
        walk.step(office.investigator, related, "Announce")
    with time_machine.travel(timezone.now() + timedelta(days=32)):
        put_into_force(Walk(page, enter), office, [related])
        expect(page.get_by_text("Ada Faux directs both")).to_be_visible()
        check("fraud-blacklist-related")
        entry = BlacklistEntry.objects.get(provider=other)
        assert entry.linked_to is not None
        assert (entry.linked_to.person_name, entry.measure) == ("Ada Faux", related)
        assert BlacklistEntry.objects.count() == 3
        assert audit.run().ok
