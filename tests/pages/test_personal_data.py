"""A copy of everything about a person, and their erasure: all of it but what the law keeps."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, transaction

from accounts import personal_registry as registry
from accounts import tasks
from accounts.models import (
    Citizen,
    CitizenMark,
    Delegation,
    DelegationLook,
    ErasureRequest,
    ExportPiece,
    Message,
    PersonalExport,
    SignIn,
    User,
)
from accounts.services import counselling, delivery, erasures, exports
from catalogue.models import SavedSearch
from catalogue.services.searches import save_search
from funding import audit
from funding.models import Booking, Posting, TopUpReference
from funding.services import bookings
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import SignInFactory, UserFactory
from tests.pages.support import Scene, proposed_booking, signed_in, validated_booking
from tests.pages.test_counselling import counsellor, in_force
from tests.pages.test_learning_accounts import words
from tests.support.queries import assert_queries_constant
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


def copy_of(user: User) -> zipfile.ZipFile:
    export = exports.make_copy(export_id=exports.ask_for_copy(actor=user).pk)
    return zipfile.ZipFile(io.BytesIO(b"".join(exports.content_of(export))))


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(archive.read(f"{name}.json"))
    return rows


def lived_in(scene: Scene) -> User:
    """A learner with something everywhere, and nothing open."""
    user = scene.learner.user
    with clock.at(MONDAY):
        # None of it is to be the learner's own, which would have to be given back first: job-seekers pay no part
        # of what is below the cap (F-12).
        Citizen.objects.filter(pk=scene.learner.citizen.pk).update(status="job_seeker")
        booking = scene.world.accepted(scene.learner, scene.world.make_session(price_cents=100_000))
        bookings.withdraw(actor=user, booking_id=booking.pk)
    save_search(actor=user, name="Welding", query="q=welding")
    CitizenMark.objects.create(citizen=scene.learner.citizen, kind="email", index="x" * 64)
    SignInFactory.create(user=user, weak=True)
    counselling.look(actor=(ada := counsellor()), public_id=in_force(scene, ada).public_id, part="balances")
    return user


# -- nothing is forgotten ---------------------------------------------------------------------------------------------


def of_people() -> set[str]:
    """Every model with a way to a person, over as many others as there are between."""
    models = list(apps.get_models(include_auto_created=True))
    found = {"accounts.User", "accounts.Citizen"}
    while True:
        more = {
            model._meta.label
            for model in models
            if any(
                each.related_model._meta.label in found
                for each in model._meta.get_fields()
                if (each.many_to_one or each.one_to_one) and not each.auto_created and each.related_model
            )
        }
        if more <= found:
            return found
        found |= more


def test_every_model_about_people_is_in_copies_or_left_out_with_a_reason() -> None:
    told = {one.label for one in registry.tables()}
    left_out = registry.reasons_left_out()
    assert not told & set(left_out)
    assert of_people() - told - set(left_out) == set(), (
        "say in personal_data.py of its app what becomes of it"
    )
    assert all(len(reason) > 20 for reason in left_out.values())


def test_what_is_told_is_there_and_has_a_plain_name_of_its_own() -> None:
    files = [one.file for one in registry.tables()]
    assert len(files) == len(set(files))
    for one in registry.tables():
        assert one.rows_of(User(pk=0)).count() == 0, one.label
        assert list(one.export(User(pk=0))) == []


def test_no_secret_is_in_a_copy() -> None:
    named = {(one.label, each.name) for one in registry.tables() for each in one.columns()}
    secrets = {
        "password",
        "token_hash",
        "ip_hash",
        "device_hash",
        "secret",
        "data",
        "stop_token",
        "session_key",
    }
    assert not {pair for pair in named if pair[1] in secrets}


# -- the copy ---------------------------------------------------------------------------------------------------------


def test_a_copy_holds_what_is_known_and_nothing_of_others(scene: Scene) -> None:
    user = lived_in(scene)
    with clock.at(MONDAY):
        scene.world.accepted(scene.other_learner)
    archive = copy_of(user)
    assert table(archive, "person")[0]["family_name"] == "Durand"
    assert [row["training"] for row in table(archive, "bookings")] == ["Conduct a project with agile methods"]
    assert len(table(archive, "sign-ins")) == SignIn.objects.filter(user=user).count()
    assert table(archive, "saved-searches")[0]["query"] == "q=welding"
    assert table(archive, "counsellors")[0]["counsellor_id"] == "another"
    assert {row["actor_id"] for row in table(archive, "steps-of-bookings")} == {"you", "another"}
    names = archive.namelist()
    assert len([name for name in names if name.startswith("receipts/")]) == 1
    assert archive.read(next(name for name in names if name.startswith("receipts/"))).startswith(b"%PDF-")
    rows = list(csv.DictReader(io.StringIO(archive.read("movements.csv").decode("utf-8-sig"))))
    moved = Posting.objects.filter(lot__account=scene.learner.account, bucket="available")
    assert sum(int(row["amount_cents"]) for row in rows) == sum(moved.values_list("amount_cents", flat=True))
    everything = b"".join(archive.read(name) for name in names if not name.endswith(".pdf"))
    assert scene.other_learner.user.email.encode() not in everything
    assert b"Petit" not in everything
    assert table(archive, "index")


def test_a_copy_is_asked_for_made_by_a_job_mailed_and_downloaded_after_a_fresh_sign_in(scene: Scene) -> None:
    user = scene.learner.user
    client = signed_in(user)
    assert client.post("/account/data/copy/").headers["Location"] == "/account/data/"
    assert client.post("/account/data/copy/").headers["Location"] == "/account/data/"
    export = PersonalExport.objects.get()
    assert "Your copy waits for its turn" in words(client.get("/account/data/"))
    tasks.make_copy(export_id=export.pk)
    export.refresh_from_db()
    assert (export.state, export.done) == ("ready", export.total)
    assert Message.objects.filter(recipient=user, template="copy_ready").count() == 1
    address = f"/account/data/copy/{export.public_id}/"
    assert "Download the copy" in words(client.get("/account/data/"))
    assert client.get(address).headers["Location"].startswith("/accounts/e-identity/?next=")
    fresh = signed_in(user, sign_in=scene.learner.sign_in)
    answer = fresh.get(address)
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    assert answer.headers["Content-Type"] == "application/zip"
    other = signed_in(scene.other_learner.user, sign_in=scene.other_learner.sign_in)
    assert other.get(address).status_code == 404
    clerk = signed_in(scene.case_worker, sign_in=SignInFactory.create(user=scene.case_worker))
    assert clerk.get(address).status_code == 404
    with clock.at(clock.now() + timedelta(days=settings.EXPORT_DAYS, minutes=1)):
        assert exports.delete_old_copies() == 1
        assert not ExportPiece.objects.exists()
        late = signed_in(user, sign_in=SignInFactory.create(user=user))
        assert late.get(address).status_code == 404


def test_a_copy_that_broke_is_said_to_have_and_asked_for_again(scene: Scene, monkeypatch: Any) -> None:
    user = scene.learner.user
    export = exports.ask_for_copy(actor=user)
    monkeypatch.setattr(registry, "files_of", lambda _person: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tasks.make_copy(export_id=export.pk)
    assert "could not be made" in words(signed_in(user).get("/account/data/"))
    monkeypatch.undo()
    assert exports.make_copy(export_id=exports.ask_for_copy(actor=user).pk).state == "ready"
    exports.ask_for_copy(actor=user)
    with pytest.raises(DomainError, match="too_many"):
        exports.ask_for_copy(actor=user)


# -- being erased -----------------------------------------------------------------------------------------------------


def erased(user: User) -> ErasureRequest:
    request = erasures.ask_erasure(actor=user, sign_in=SignInFactory.create(user=user))
    with clock.at(request.due_at + timedelta(minutes=1)):
        assert erasures.carry_out_due()["erased"] == 1
    request.refresh_from_db()
    return request


def test_an_erasure_takes_what_is_beside_the_books_and_leaves_these(scene: Scene) -> None:
    user = lived_in(scene)
    address, citizen = user.email, scene.learner.citizen
    before = Posting.objects.count()
    request = erased(user)
    user.refresh_from_db()
    assert (user.is_active, user.display_name) == (False, "")
    assert user.email.endswith("@erased.invalid")
    assert not EmailAddress.objects.filter(user=user).exists()
    for model in (SavedSearch, CitizenMark, DelegationLook, Delegation):
        assert not model.objects.exists(), model
    kept = SignIn.objects.filter(user=user)
    consent = Booking.objects.get().consent
    assert consent is not None
    assert [one.pk for one in kept] == [consent.sign_in_id]
    citizen.refresh_from_db()
    assert citizen.family_name == "Durand"
    assert request.kept_until is not None
    assert request.kept_until.year == MONDAY.year + settings.ERASURE_BOOKS_YEARS
    assert Posting.objects.count() == before
    report = audit.run()
    assert report.ok, report
    letters = Message.objects.filter(recipient=user)
    assert [(one.template, one.address) for one in letters] == [("erasure_done", address)]
    assert delivery.send_waiting() >= 1
    with clock.at(clock.now() + timedelta(days=20)):
        erasures.carry_out_due()
    assert not Message.objects.filter(recipient=user).exists()
    assert address not in json.dumps(request.counts)


def test_at_the_end_of_its_time_the_name_goes_too(scene: Scene) -> None:
    user = lived_in(scene)
    request = erased(user)
    assert request.kept_until is not None
    with clock.at(MONDAY.replace(year=request.kept_until.year + 1)):
        assert erasures.carry_out_due()["closed"] == 1
        assert erasures.carry_out_due()["closed"] == 0
    person = Citizen.objects.get(pk=scene.learner.citizen.pk)
    assert (person.given_name, person.family_name) == ("", "")
    assert (person.birth_date.month, person.birth_date.day) == (1, 1)
    report = audit.run()
    assert report.ok, report


def test_who_is_in_no_books_is_gone_at_once() -> None:
    user = UserFactory.create(email="nobody@example.org")
    request = erased(user)
    assert request.kept_until is None
    assert request.closed_at is not None


def test_it_is_taken_back_until_its_day(scene: Scene) -> None:
    user = scene.learner.user
    client = signed_in(user, sign_in=scene.learner.sign_in)
    assert client.post("/account/data/erase/", {}).status_code == 409
    assert client.post("/account/data/erase/", {"sure": "on"}).headers["Location"] == "/account/data/"
    request = ErasureRequest.objects.get()
    assert "You asked to be erased" in words(client.get("/account/data/"))
    address = f"/account/data/erase/{request.public_id}/back/"
    assert signed_in(scene.other_learner.user).post(address).status_code == 404
    assert client.post(address).headers["Location"] == "/account/data/"
    with clock.at(request.due_at + timedelta(days=1)):
        assert erasures.carry_out_due()["erased"] == 0
    user.refresh_from_db()
    assert user.is_active


def test_it_needs_a_fresh_strong_sign_in(scene: Scene) -> None:
    weak = SignInFactory.create(user=scene.learner.user, weak=True)
    client = signed_in(scene.learner.user, sign_in=weak)
    answer = client.post("/account/data/erase/", {"sure": "on"})
    assert answer.headers["Location"].startswith("/accounts/e-identity/")
    assert not ErasureRequest.objects.exists()


def test_nobody_is_erased_while_a_booking_is_open(scene: Scene) -> None:
    proposed_booking(scene)
    client = signed_in(scene.learner.user, sign_in=scene.learner.sign_in)
    answer = client.post("/account/data/erase/", {"sure": "on"})
    assert answer.status_code == 409
    assert "You have a booking that is not over" in words(answer)
    assert not ErasureRequest.objects.exists()


def test_nobody_is_erased_while_money_is_owed(scene: Scene) -> None:
    validated_booking(scene)
    assert "bookings_open" in registry.obstacles(scene.learner.user)
    with pytest.raises(DomainError, match="cannot_be_erased"):
        erasures.ask_erasure(actor=scene.learner.user, sign_in=scene.learner.sign_in)


def test_who_acts_for_an_organisation_leaves_it_first(scene: Scene) -> None:
    assert registry.obstacles(scene.provider_member) == ["member"]


def test_what_comes_in_the_way_meanwhile_stops_it(scene: Scene) -> None:
    request = erasures.ask_erasure(actor=scene.learner.user, sign_in=scene.learner.sign_in)
    proposed_booking(scene)
    with clock.at(request.due_at + timedelta(minutes=1)):
        assert erasures.carry_out_due() == {"erased": 0, "stopped": 1, "closed": 0}
    request.refresh_from_db()
    assert request.stopped == "bookings_open"
    assert Message.objects.filter(template="erasure_stopped").count() == 1
    assert "could not be carried out" in words(signed_in(scene.learner.user).get("/account/data/"))


def test_sign_ins_leave_by_an_erasure_only(scene: Scene) -> None:
    SignInFactory.create(user=scene.learner.user)
    for act in (SignIn.objects.all().delete, lambda: SignIn.objects.update(method="other")):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


def test_a_counsellor_who_is_erased_leaves_the_learners_log(scene: Scene) -> None:
    ada = counsellor()
    made = in_force(scene, ada)
    counselling.look(actor=ada, public_id=made.public_id, part="balances")
    erased(ada)
    made.refresh_from_db()
    assert made.ended_at is not None
    assert made.email.endswith("@erased.invalid")
    assert DelegationLook.objects.count() == 1


def test_the_agency_sees_how_requests_stand_and_not_whose(scene: Scene) -> None:
    clerk = signed_in(scene.case_worker)

    def grow(n: int) -> None:
        for _ in range(n):
            user = UserFactory.create()
            erasures.ask_erasure(actor=user, sign_in=SignInFactory.create(user=user))

    assert_queries_constant(grow, lambda: clerk.get("/agency/erasures/"))
    page = clerk.get("/agency/erasures/").content.decode()
    assert "@" not in page.split("<main")[1]
    assert TopUpReference.objects.count() == 0
