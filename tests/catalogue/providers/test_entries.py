"""Entries by form: what must be told, what may not be said, prices that jump, what is examined and stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Message
from accounts.services import service_users
from catalogue import regimes
from catalogue.models import Accreditation, MicroCredential, Offer, PriceChange, Provider, Session
from catalogue.selectors import completeness as selected
from catalogue.services import entry_drafts, sessions
from ila.core import clock
from tests.catalogue.providers.desk import MONDAY, Desk
from tests.catalogue.providers.test_applications import refused

Hand = clock.VirtualClock


@pytest.fixture
def provider(desk: Desk) -> Provider:
    return desk.accredited()


def told(entry: MicroCredential) -> selected.Completeness:
    fresh = MicroCredential.objects.select_related("description").get(pk=entry.pk)
    return selected.completeness(fresh, selected.description_of(fresh))


def test_unspecified_is_not_no(desk: Desk, provider: Provider) -> None:
    entry = entry_drafts.create_entry(actor=desk.applicant, provider=provider, title="Weld", kind="rs")
    assert told(entry).percent == 2 * 100 // len(selected.ELEMENTS)
    before = {element.name for element in told(entry).elements if element.told}
    entry_drafts.save_entry(
        actor=desk.applicant,
        entry_id=entry.pk,
        values={"has_prerequisites": False, "graded": None, "hours": None},
    )
    assert {element.name for element in told(entry).elements if element.told} - before == {
        "has_prerequisites"
    }


def test_every_needed_element_is_asked_for(desk: Desk, provider: Provider) -> None:
    entry = desk.complete_entry(provider)
    needed = {name for name, _, needed in selected.ELEMENTS if needed} - {"title", "kind"}
    for name in sorted(needed):
        holder: Any = MicroCredential.objects.get(pk=entry.pk)
        value = selected.value_of(holder, selected.description_of(holder), name)
        empty: Any = None
        if name in ("goals_html", "content_html", "language"):
            empty = ""
        values: dict[str, Any] = {name: empty}
        if name == "workload":
            values["workload_scheme"] = None
        entry_drafts.save_entry(actor=desk.applicant, entry_id=entry.pk, values=values)
        error = refused("incomplete", entry_drafts.submit_entry, actor=desk.applicant, entry_id=entry.pk)
        assert error.params["missing"] == name
        back = {name: value} | ({"workload_scheme": "ects"} if name == "workload" else {})
        entry_drafts.save_entry(actor=desk.applicant, entry_id=entry.pk, values=back)
    assert entry_drafts.submit_entry(actor=desk.applicant, entry_id=entry.pk).state == "submitted"


def test_without_an_assessment_its_kind_is_not_asked(desk: Desk, provider: Provider) -> None:
    entry = desk.complete_entry(provider, assessed=False, assessment_type=None, certifies="participation")
    assert told(entry).missing == []


def test_workloads_are_kept_as_they_are_counted(desk: Desk, provider: Provider) -> None:
    entry = desk.complete_entry(provider, workload=Decimal("2.5"), workload_scheme="ects", hours=Decimal(20))
    entry.refresh_from_db()
    assert (entry.workload, entry.workload_scheme, entry.hours) == (Decimal("2.5"), "ects", Decimal(20))
    refused(
        "invalid",
        entry_drafts.save_entry,
        actor=desk.applicant,
        entry_id=entry.pk,
        values={"workload_scheme": None},
    )


def test_html_is_cleaned_as_an_import_cleans_it(desk: Desk, provider: Provider) -> None:
    dirty = '<p onclick="x()">Weld <a href="javascript:y()">now</a><img src=x onerror=z()></p><svg/onload=1>'
    entry = desk.complete_entry(provider, goals_html=dirty, content_html="One\r\n\r\nTwo & <3")
    assert entry.goals_html == "<p>Weld now</p>"
    assert "<p>One</p>" in entry.content_html
    assert "&lt;3" in entry.content_html


def test_s12_claims_stop_a_submission_unless_the_provider_says_why_they_are_none(
    desk: Desk, provider: Provider
) -> None:
    entry = desk.complete_entry(provider, content_html="<p>Une formation gratuite</p>")
    error = refused("forbidden_claim", entry_drafts.submit_entry, actor=desk.applicant, entry_id=entry.pk)
    assert (error.rule, error.params["element"], error.params["words"]) == (
        "S-12",
        "content_html",
        "gratuite",
    )
    entry_drafts.save_entry(
        actor=desk.applicant, entry_id=entry.pk, values={"claims_reason": "It quotes the law."}
    )
    assert entry_drafts.submit_entry(actor=desk.applicant, entry_id=entry.pk).state == "submitted"


def test_only_its_provider_writes_it_and_only_the_authority_registers_it(
    desk: Desk, provider: Provider
) -> None:
    entry = desk.complete_entry(provider)
    rival = Desk.made("Rival").applicant
    for actor in (rival, desk.case_worker, service_users.get("demo")):
        refused(
            "not_allowed", entry_drafts.save_entry, actor=actor, entry_id=entry.pk, values={"graded": True}
        )
        refused("not_allowed", entry_drafts.submit_entry, actor=actor, entry_id=entry.pk)
    refused("not_allowed", entry_drafts.create_entry, actor=rival, provider=provider, title="X", kind="rs")
    entry_drafts.submit_entry(actor=desk.applicant, entry_id=entry.pk)
    for actor in (desk.applicant, rival, service_users.get("demo")):
        refused("not_allowed", entry_drafts.register_entry, actor=actor, entry_id=entry.pk)
        refused("not_allowed", entry_drafts.send_back_entry, actor=actor, entry_id=entry.pk, reason="No")
    refused(
        "not_allowed",
        entry_drafts.save_entry,
        actor=desk.applicant,
        entry_id=entry.pk,
        values={"graded": True},
    )


def test_sent_back_with_reasons_and_submitted_again(desk: Desk, provider: Provider) -> None:
    entry = desk.complete_entry(provider)
    entry_drafts.submit_entry(actor=desk.applicant, entry_id=entry.pk)
    refused("incomplete", entry_drafts.send_back_entry, actor=desk.case_worker, entry_id=entry.pk, reason="")
    back = entry_drafts.send_back_entry(actor=desk.case_worker, entry_id=entry.pk, reason="Name the tools.")
    assert (back.state, back.description.back_reason) == ("draft", "Name the tools.")
    entry_drafts.submit_entry(actor=desk.applicant, entry_id=entry.pk)
    entry_drafts.register_entry(actor=desk.case_worker, entry_id=entry.pk)
    fresh = MicroCredential.objects.get(pk=entry.pk)
    assert (fresh.state, fresh.description.back_reason) == ("registered", "")
    assert fresh.search_text.startswith("weld safely in a workshop")
    offer = Offer.objects.get()
    assert (offer.mode, offer.city, offer.price_cents) == ("in_person", "Lyon", 100_000)
    sent = Message.objects.filter(template__startswith="entry_").order_by("pk")
    assert [message.template for message in sent] == ["entry_sent_back", "entry_registered"]


def test_what_was_not_examined_changes_at_once_and_its_price_has_its_own_way(
    desk: Desk, provider: Provider
) -> None:
    entry = desk.registered_entry(provider)
    change: dict[str, Any] = {"actor": desk.applicant, "entry_id": entry.pk}
    error = refused("not_allowed", entry_drafts.save_entry, **change, values={"price_cents": 1})
    assert error.params["reason"] == "settled"
    refused("forbidden_claim", entry_drafts.save_entry, **change, values={"recognition": "Free for all"})
    entry_drafts.save_entry(**change, values={"recognition": "Two credits", "eqf_level": 4})
    row = entry.log.latest("pk")
    assert row.transition == "amend"
    assert row.data == {
        "before": {"recognition": "Counts towards the welder's qualification", "eqf_level": "None"}
    }


def test_a_programme_is_accredited_where_the_regime_wants_it(
    desk: Desk, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = regimes.Regime(authority="Both", kind="both", points=(), documents=(), validity_months=12)
    monkeypatch.setitem(regimes.REGIMES, "siret", both)
    entry = desk.registered_entry(provider)
    found = Accreditation.objects.get(micro_credential=entry)
    assert (found.state, found.authority) == ("accredited", "Both")
    assert (str(found.valid_from), str(found.valid_until)) == ("2026-06-01", "2027-05-31")


def test_duplicates_are_flagged(desk: Desk, provider: Provider) -> None:
    first = desk.registered_entry(provider)
    again = desk.complete_entry(provider, title="WELD  safely in a wοrkshop")
    assert selected.duplicates_of(again) == [first]
    assert selected.duplicates_of(first) == [again]
    other = desk.complete_entry(provider, title="Paint", content_html="<p>Colours</p>")
    assert selected.duplicates_of(other) == []


def history(entry: MicroCredential) -> list[tuple[int | None, int, bool]]:
    rows = PriceChange.objects.filter(micro_credential=entry).order_by("pk")
    return [(row.before_cents, row.after_cents, row.applied_at is not None) for row in rows]


def test_prices_have_a_history_and_jumps_wait(desk: Desk, provider: Provider, hand: Hand) -> None:
    entry = desk.registered_entry(provider)
    offer = Offer.objects.get()
    session = sessions.create_session(
        actor=desk.applicant,
        micro_credential=entry,
        offer=offer,
        external_id="s1",
        price_cents=100_000,
        currency="EUR",
        starts_at=MONDAY + timedelta(days=60),
        ends_at=MONDAY + timedelta(days=61),
    )
    change: dict[str, Any] = {"actor": desk.applicant, "entry_id": entry.pk}
    entry_drafts.change_price(**change, price_cents=120_000)
    assert Session.objects.get().price_cents == 120_000
    assert session.changes.get().after == {"price_cents": 120_000}
    # Twenty percent more than yesterday, and far more than last month: small steps add up.
    waiting = entry_drafts.change_price(**change, price_cents=130_000)
    assert (waiting.waits, waiting.jump_percent) == (True, 30)
    error = refused("not_allowed", entry_drafts.change_price, **change, price_cents=90_000)
    assert error.params["reason"] == "one_waits"
    decide: dict[str, Any] = {"actor": desk.case_worker, "change_id": waiting.pk}
    refused("incomplete", entry_drafts.decide_price, **decide, accepted=False)
    refused("not_allowed", entry_drafts.decide_price, **(decide | {"actor": desk.applicant}), accepted=True)
    entry_drafts.decide_price(**decide, accepted=True)
    refused("not_allowed", entry_drafts.decide_price, **decide, accepted=True)
    assert (Offer.objects.get().price_cents, Session.objects.get().price_cents) == (130_000, 130_000)
    hand.move(datetime(2027, 1, 1, tzinfo=UTC))
    assert not entry_drafts.change_price(**change, price_cents=156_000).waits
    assert history(entry) == [
        (None, 100_000, True),
        (100_000, 120_000, True),
        (120_000, 130_000, True),
        (130_000, 156_000, True),
    ]


@pytest.mark.parametrize("price", [0, -1, 1_000_000_000, 100_000])
def test_prices_that_cannot_be_are_refused(desk: Desk, provider: Provider, price: int) -> None:
    entry = desk.registered_entry(provider)
    refused("invalid", entry_drafts.change_price, actor=desk.applicant, entry_id=entry.pk, price_cents=price)


def test_a_session_that_costs_something_else_keeps_its_price(desk: Desk, provider: Provider) -> None:
    entry = desk.registered_entry(provider)
    sessions.create_session(
        actor=desk.applicant, micro_credential=entry, external_id="s1", price_cents=80_000, currency="EUR"
    )
    entry_drafts.change_price(actor=desk.applicant, entry_id=entry.pk, price_cents=110_000)
    assert Session.objects.get().price_cents == 80_000
