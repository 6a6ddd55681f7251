"""What a provider changes of itself after its accreditation: dated, kept, checked, looked at."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from accounts.models import Message
from catalogue.models import Provider, ProviderDetail
from catalogue.selectors import details as selected
from catalogue.services import audits, details
from ila.core import clock
from tests.catalogue.providers.desk import Desk
from tests.catalogue.providers.test_applications import refused

DAY = date(2026, 6, 1)
PARTNER = {
    "kind": "subcontractor",
    "name": "Sub",
    "number": "44306184100047",
    "task": "Teaches",
    "contract_signed_on": date(2026, 1, 1),
}
DIRECTOR = {"role": "director", "full_name": "Ada Neu", "birth_date": date(1980, 1, 1), "share_percent": None}


@pytest.fixture
def provider(desk: Desk) -> Provider:
    return desk.accredited()


def add(desk: Desk, provider: Provider, kind: str, facts: dict[str, Any], on: date = DAY) -> ProviderDetail:
    return details.add_detail(
        actor=desk.applicant, provider_id=provider.pk, kind=kind, facts=facts, valid_from=on
    )


def of(provider: Provider, kind: str) -> list[ProviderDetail]:
    return [one for one in selected.current(provider, selected.today_at(provider)) if one.kind == kind]


def test_what_was_examined_is_what_holds(desk: Desk, provider: Provider) -> None:
    kinds = [one.kind for one in selected.current(provider, DAY)]
    assert kinds == ["contact", "establishment", "person", "person", "trainer", "trainer"]
    assert {one.review for one in selected.current(provider, DAY)} == {"not_needed"}
    assert of(provider, "person")[0].facts["birth_date"] == "1970-04-02"


def test_a_trainer_changes_and_the_one_before_is_kept(desk: Desk, provider: Provider) -> None:
    before = of(provider, "trainer")[0]
    facts = {**before.facts, "qualification": "Doctorate"}
    with clock.at(clock.now() + timedelta(days=10)):
        made = details.replace_detail(
            actor=desk.applicant, detail_id=before.pk, facts=facts, valid_from=DAY + timedelta(days=10)
        )
        before.refresh_from_db()
        assert (before.valid_from, before.valid_until) == (DAY, DAY + timedelta(days=9))
        assert (made.valid_from, made.valid_until, made.review) == (
            DAY + timedelta(days=10),
            None,
            "not_needed",
        )
        assert list(selected.history(provider, selected.today_at(provider))) == [before]
        error = refused(
            "not_allowed",
            details.replace_detail,
            actor=desk.applicant,
            detail_id=before.pk,
            facts=facts,
            valid_from=DAY,
        )
        assert error.params["reason"] == "ended"


def test_directors_owners_and_partners_are_looked_at(desk: Desk, provider: Provider) -> None:
    added = add(desk, provider, "person", DIRECTOR)
    add(desk, provider, "partner", {**PARTNER, "amount_cents": 1_000})
    old = next(one for one in of(provider, "person") if one.facts["full_name"] == "Claude Moreau")
    details.end_detail(actor=desk.applicant, detail_id=old.pk, last_day=DAY)
    assert [one.kind for one in selected.waiting()] == ["person", "person", "partner"]
    told: dict[str, Any] = {"actor": desk.case_worker, "detail_id": added.pk}
    refused("incomplete", details.review_detail, **told, accepted=False)
    refused("not_allowed", details.review_detail, **{**told, "actor": desk.applicant}, accepted=True)
    details.review_detail(**told, accepted=False, note="She may not direct.")
    refused("not_allowed", details.review_detail, **told, accepted=True)
    assert Message.objects.get(template="detail_objected").context["reason"] == "She may not direct."
    details.review_detail(actor=desk.manager, detail_id=old.pk, accepted=True)
    assert [one.kind for one in selected.waiting()] == ["partner"]


def test_the_last_director_stays_until_the_next_is_told(desk: Desk, provider: Provider) -> None:
    old = next(one for one in of(provider, "person") if one.facts["role"] == "director")
    told: dict[str, Any] = {"actor": desk.applicant, "detail_id": old.pk, "last_day": DAY}
    assert refused("incomplete", details.end_detail, **told).params["missing"] == "director"
    add(desk, provider, "person", DIRECTOR)
    assert details.end_detail(**told).end_review == "waits"


def test_f35_subcontractors_stay_under_four_fifths_of_the_turnover(desk: Desk, provider: Provider) -> None:
    add(desk, provider, "partner", {**PARTNER, "amount_cents": 7_000_000})
    other = {**PARTNER, "number": "55210055400013", "amount_cents": 1_000_001}
    assert (
        refused("not_allowed", add, desk=desk, provider=provider, kind="partner", facts=other).rule == "F-35"
    )
    add(desk, provider, "partner", {**other, "kind": "agent"})
    add(desk, provider, "partner", {**other, "amount_cents": 1_000_000})
    # One that has ended before the day does not count on it.
    first = of(provider, "partner")[0]
    details.end_detail(actor=desk.applicant, detail_id=first.pk, last_day=DAY)
    add(desk, provider, "partner", {**other, "amount_cents": 5_000_000}, DAY + timedelta(days=1))


def test_f35_nobody_who_was_delisted_is_taken_on(desk: Desk, provider: Provider) -> None:
    delisted = Desk.made("Gone").accredited(number=PARTNER["number"])
    accreditation = delisted.accreditations.get()
    audits.withdraw(actor=desk.manager, accreditation_id=accreditation.pk, reason="Fraud")
    error = refused(
        "not_allowed",
        add,
        desk=desk,
        provider=provider,
        kind="partner",
        facts={**PARTNER, "amount_cents": 1},
    )
    assert error.params["reason"] == "delisted"


def test_there_is_one_contact_and_it_is_replaced(desk: Desk, provider: Provider) -> None:
    (contact,) = of(provider, "contact")
    made = add(desk, provider, "contact", {**contact.facts, "phone": "+33 1"})
    assert of(provider, "contact") == [made]
    refused("incomplete", details.end_detail, actor=desk.applicant, detail_id=made.pk, last_day=DAY)
    refused("invalid", add, desk=desk, provider=provider, kind="contact", facts=made.facts)


def test_days_and_shares_that_cannot_be(desk: Desk, provider: Provider) -> None:
    for day in (DAY - timedelta(days=400), DAY + timedelta(days=400)):
        refused("invalid", add, desk=desk, provider=provider, kind="person", facts=DIRECTOR, on=day)
    owner = {"role": "owner", "full_name": "B", "birth_date": date(1980, 1, 1), "share_percent": "40.01"}
    assert (
        refused("invalid", add, desk=desk, provider=provider, kind="person", facts=owner).params["reason"]
        == "shares"
    )
    add(desk, provider, "person", {**owner, "share_percent": "40.00"})


def test_strangers_change_nothing(desk: Desk, provider: Provider) -> None:
    rival = Desk.made("Rival")
    row = of(provider, "trainer")[0]
    for actor in (rival.applicant, desk.case_worker):
        told: dict[str, Any] = {"actor": actor}
        refused(
            "not_allowed",
            details.add_detail,
            **told,
            provider_id=provider.pk,
            kind="person",
            facts=DIRECTOR,
            valid_from=DAY,
        )
        refused("not_allowed", details.replace_detail, **told, detail_id=row.pk, facts={}, valid_from=DAY)
        refused("not_allowed", details.end_detail, **told, detail_id=row.pk, last_day=DAY)


def test_what_was_told_before_there_were_days_is_dated_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "adopt_application", lambda *_, **__: 0)
    provider = desk.accredited(partners=[{**PARTNER, "amount_cents": 1_000}])
    assert not provider.facts_told.exists()
    migration = import_module("catalogue.migrations.0015_date_told_facts")
    for _ in range(2):
        migration.date_told_facts(apps, SimpleNamespace(connection=connection))
        kinds = [one.kind for one in selected.current(provider, DAY)]
        assert kinds == ["contact", "establishment", "partner", "person", "person", "trainer", "trainer"]
    (partner,) = of(provider, "partner")
    assert (partner.facts["contract_signed_on"], partner.valid_from) == ("2026-01-01", DAY)


def test_the_application_role_never_rewrites_a_fact(desk: Desk, provider: Provider) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM information_schema.column_privileges WHERE table_name ="
            " 'catalogue_providerdetail' AND privilege_type = 'UPDATE' AND column_name IN ('facts', 'valid_from')"
            " AND grantee LIKE 'ila%%app%%'"
        )
        assert cursor.fetchone() == (0,)
