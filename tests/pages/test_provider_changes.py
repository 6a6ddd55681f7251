"""Pages of claims, accounts, dated facts, versions and places: for the provider, for the agency, by the mail's link."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.services import delivery, service_users
from catalogue.models import (
    AccountChange,
    Application,
    EntryVersion,
    MicroCredential,
    Provider,
    ProviderDetail,
    Session,
)
from catalogue.selectors.details import today_at
from catalogue.services import accreditations
from tests.catalogue.providers import files
from tests.catalogue.providers.desk import IBAN, OTHER_IBAN, SIRET, Desk
from tests.factories.accounts import MembershipFactory
from tests.pages.support import signed_in
from tests.pages.test_bookings import text_of
from tests.pages.test_providers import page, send

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ground(settings: Any, tmp_path: Path) -> None:
    settings.DOCUMENTS_DIR = tmp_path / "documents"
    settings.STAND_IN_PAYEES = True


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk.made()


@pytest.fixture
def provider(desk: Desk) -> Provider:
    return desk.accredited()


def paper(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(f"{name}.pdf", files.pdf(name), content_type="application/pdf")


def test_a_listing_is_claimed_from_the_first_step_to_acting_for_it(desk: Desk) -> None:
    listed = Provider.objects.create(
        register="siret", external_id=SIRET, name="Atelier du Rhône", country="FR", time_zone="Europe/Paris"
    )
    accreditations.record_accreditation(
        actor=service_users.get("catalogue-import"), authority="Qualiopi", provider=listed, reason="register"
    )
    applicant, worker, manager = (signed_in(one) for one in (desk.applicant, desk.case_worker, desk.manager))
    assert "You are listed already?" in page(applicant, "/provider/")
    address = send(applicant, "/provider/applications/start/", kind="claim").headers["Location"]
    assert "0 of 6 steps are complete" in page(applicant, address)
    page(applicant, f"{address}trainers/", status=404)
    identity: dict[str, Any] = {"register": "siret", "country": "FR", "legal_name": "Atelier du Rhône"}
    answer = send(applicant, f"{address}identity/", status=422, number="44306184100047", **identity)
    assert "Nothing is listed under this number." in text_of(answer.content)
    send(applicant, f"{address}identity/", number=SIRET, **identity)
    send(applicant, f"{address}contact/", email="a@example.org", turnover_cents="1000", currency="EUR")
    person: dict[str, Any] = {"role": "director", "full_name": "Claude Moreau", "birth_date": "1970-04-02"}
    send(applicant, f"{address}persons/", **person)
    send(applicant, f"{address}persons/", finish="1")
    send(applicant, f"{address}account/", iban=IBAN, holder="Atelier du Rhône")
    for kind in ("registration", "identity"):
        send(applicant, f"{address}documents/", kind=kind, file=paper(kind))
    send(applicant, f"{address}documents/", finish="1")
    send(applicant, f"{address}declaration/", true="on", conduct="on")
    send(applicant, f"{address}submit/")
    assert "Take the claim back" in page(applicant, address)
    one = Application.objects.get()
    assert "Claim of a listing" in page(worker, "/agency/providers/")
    at = f"/agency/providers/{one.public_id}/"
    assert "Claim of a listing: Atelier du Rhône" in page(worker, at)
    send(worker, f"{at}admit/")
    send(worker, f"{at}ask/", text="Who are you?")
    send(applicant, f"{address}questions/{one.questions.get().pk}/", answer="The director.")
    marks: dict[str, Any] = {
        f"outcome-{point}": "met" for point in ("identity", "mandate", "listing", "account")
    }
    send(worker, f"{at}check/", **marks)
    send(worker, f"{at}recommend/", recommendation="accredit", reason="It is them.")
    shown = page(manager, at)
    assert "Atelier du Rhône then acts for Atelier du Rhône" in shown
    assert "You have recommended it" in page(worker, at)
    send(worker, f"{at}approve/", status=422, reason="Mine")
    send(manager, f"{at}approve/", reason="Proved.")
    listed.refresh_from_db()
    assert listed.organisation == desk.organisation
    home = page(applicant, "/provider/")
    assert "What you have told us" in home
    assert "Bank account" in home
    delivery.send_waiting()
    assert "The listing is yours" in {sent.subject for sent in mail.outbox}


def test_an_account_is_changed_by_three_persons(desk: Desk, provider: Provider) -> None:
    second = MembershipFactory.create(organisation=desk.organisation, role="staff").user
    applicant, other, worker = (signed_in(one) for one in (desk.applicant, second, desk.case_worker))
    address = f"/provider/{provider.pk}/account/"
    assert "FR•• •••• 2606" in page(applicant, address)
    assert IBAN not in page(applicant, address)
    answer = send(applicant, address, status=422, iban="FR00", holder="X")
    assert "This is no IBAN" in text_of(answer.content)
    answer = send(applicant, address, status=422, iban=OTHER_IBAN, holder="stranger X")
    assert "in another name. Nothing was asked for." in text_of(answer.content)
    answer = send(applicant, address, status=422, iban=OTHER_IBAN, holder="Nearly Atelier")
    assert "in the name of Atelier" in text_of(answer.content)
    assert 'name="accept_close"' in answer.content.decode()
    send(applicant, address, iban=OTHER_IBAN, holder="Nearly Atelier", accept_close="on")
    change = AccountChange.objects.get()
    assert change.payee_answer == "close_match"
    assert "a second person of you signs in" in page(applicant, address)
    acts = f"{address}{change.public_id}/"
    answer = send(applicant, f"{acts}confirm/", status=422)
    assert "Somebody else does this step." in text_of(answer.content)
    assert "Confirm: this account is ours" in page(other, address)
    send(other, f"{acts}confirm/")
    at = f"/agency/changes/accounts/{change.public_id}/"
    assert str(provider) in page(worker, "/agency/changes/")
    shown = page(worker, at)
    assert "contact@atelier.example.org" in shown
    assert "Approve the new account" in shown
    send(worker, f"{at}approve/", status=422)
    send(worker, f"{at}approve/", note="Seen the bank's letter.")
    assert "Approved, waits for its day" in page(applicant, address)
    for stranger in (Desk.made("Rival").applicant, desk.case_worker):
        page(signed_in(stranger), address, status=404)
        send(signed_in(stranger), f"{acts}object/", status=404)


def test_the_link_of_the_mail_stops_it_without_signing_in(desk: Desk, provider: Provider) -> None:
    applicant = signed_in(desk.applicant)
    send(applicant, f"/provider/{provider.pk}/account/", iban=OTHER_IBAN, holder="Atelier du Rhône")
    delivery.send_waiting()
    sent = next(one for one in mail.outbox if one.to == ["contact@atelier.example.org"])
    (link,) = re.findall(r"/provider/account/objection/\S+", str(sent.body))
    guest = Client()
    assert "ends in 0189" in page(guest, link)
    page(guest, link.replace(":", ":x"), status=404)
    assert AccountChange.objects.get().state == "asked", "a look stops nothing: mail programs look too"
    send(guest, link)
    assert AccountChange.objects.get().state == "stopped"
    assert "It is stopped" in page(guest, link)
    send(guest, link)
    assert "Stopped by an objection" in page(applicant, f"/provider/{provider.pk}/account/")


def test_a_call_back_is_noted(desk: Desk, provider: Provider) -> None:
    applicant, worker, manager = (signed_in(one) for one in (desk.applicant, desk.case_worker, desk.manager))
    send(applicant, f"/provider/{provider.pk}/account/", iban=OTHER_IBAN, holder="Atelier du Rhône")
    assert "the agency calls you back" in page(applicant, f"/provider/{provider.pk}/account/")
    at = f"/agency/changes/accounts/{AccountChange.objects.get().public_id}/"
    send(worker, f"{at}call_back/", status=422)
    send(worker, f"{at}call_back/", note="Called the number of 2025: yes.")
    assert "Somebody else does this step." in page(worker, at)
    send(manager, f"{at}refuse/", reason="The company was sold.")
    assert "The company was sold." in page(manager, at)


def test_what_a_provider_told_is_kept_up_to_date(desk: Desk, provider: Provider) -> None:
    applicant, worker = signed_in(desk.applicant), signed_in(desk.case_worker)
    address = f"/provider/{provider.pk}/details/"
    assert "Claude Moreau" in page(applicant, address)
    today = today_at(provider).isoformat()
    trainer: dict[str, Any] = {"full_name": "Ada Neu", "subject": "Welding", "qualification": "Master"}
    send(applicant, f"{address}trainer/", status=422, **trainer)
    send(applicant, f"{address}trainer/", valid_from=today, **trainer)
    person: dict[str, Any] = {"role": "director", "full_name": "Robin Neu", "birth_date": "1980-01-01"}
    send(applicant, f"{address}person/", valid_from=today, **person)
    shown = page(applicant, address)
    assert "the agency looks at it" in shown
    new = ProviderDetail.objects.latest("pk")
    change = f"{address}{new.pk}/"
    assert "Robin Neu" in page(applicant, change)
    answer = send(
        applicant, change, status=422, valid_from="2001-01-01", **{**person, "full_name": "Robin Alt"}
    )
    assert "Give a day within a year of today." in text_of(answer.content)
    assert "Robin Neu" in page(worker, "/agency/changes/")
    answer = send(worker, f"/agency/changes/details/{new.pk}/object/", status=422)
    assert "Give a reason." in text_of(answer.content)
    send(worker, f"/agency/changes/details/{new.pk}/object/", note="Robin may not direct.")
    assert "Robin may not direct." in page(applicant, address)
    send(applicant, change, end="1", last_day=today)
    page(applicant, change, status=404)
    page(applicant, f"{address}nonsense/", status=404)
    page(signed_in(Desk.made("Rival").applicant), address, status=404)
    page(applicant, "/agency/changes/", status=403)


def test_a_registered_entry_changes_by_a_version_and_has_places(desk: Desk, provider: Provider) -> None:
    entry = desk.registered_entry(provider)
    applicant, worker = signed_in(desk.applicant), signed_in(desk.case_worker)
    address = f"/provider/entries/{entry.pk}/"
    assert "The agency has examined this." in page(applicant, f"{address}basics/")
    send(applicant, f"{address}basics/", title="Weld very safely", kind="rs", code="")
    shown = page(applicant, address)
    assert "A change waits for the agency" in shown
    assert 'value="Weld very safely"' in applicant.get(f"{address}basics/").content.decode()
    assert "Weld very safely" not in page(Client(), f"/catalogue/{entry.pk}/")
    at = f"/agency/entries/{entry.pk}/"
    assert "Version 2 waits" in page(worker, at)
    assert "Weld safely in a workshop" in page(worker, "/agency/changes/")
    stamp = EntryVersion.objects.get().stamp
    send(worker, f"{at}version_no/", status=422, stamp=stamp)
    send(worker, f"{at}version_yes/", status=422, stamp="2-other")
    send(worker, f"{at}version_yes/", stamp=stamp)
    assert MicroCredential.objects.get(pk=entry.pk).title == "Weld very safely"
    send(applicant, f"{address}basics/", title="Weld again", kind="rs", code="")
    send(applicant, f"{address}version/withdraw/")
    assert "A change waits" not in page(applicant, address)
    send(applicant, f"{address}places/", status=422, postcode="75002")
    send(applicant, f"{address}places/", postcode="75002", city="Paris")
    paris = entry.offers.latest("pk")
    year = date.today().year + 1  # noqa: DTZ011 - far enough ahead in every zone
    days: dict[str, Any] = {"starts_on": f"{year}-06-01", "ends_on": f"{year}-06-02"}
    send(applicant, f"{address}sessions/", status=422, **days)
    send(applicant, f"{address}sessions/", place=str(paris.pk), **days)
    assert Session.objects.get().offer == paris
    send(applicant, f"{address}places/{paris.pk}/remove/")
    assert "Sessions at this place are still to come." in page(applicant, address)
