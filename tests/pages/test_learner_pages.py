"""A learner's documents, refunds and details: theirs alone, and what others may do beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts import personal_registry as registry
from accounts.models import Citizen, CitizenFact, Message, MutedTopic
from accounts.services import delivery, messages
from funding.models import CorrectionRequest, LearnerDocument, RefundAccount
from funding.services import bookings, certificates, corrections, learner_documents, refund_accounts
from ila.core import clock
from ila.core.errors import DomainError
from tests.catalogue.providers.files import encrypted_pdf, pdf, scripted_pdf
from tests.factories.accounts import SignInFactory
from tests.pages.statements import statement_of
from tests.pages.support import Scene, signed_in, validated_booking
from tests.pages.test_learning_accounts import words
from tests.support.queries import assert_queries_constant
from tests.support.world import ENDS, MONDAY

pytestmark = pytest.mark.django_db

IBAN = "FR14 2004 1010 0505 0001 3M02 606"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> None:
    settings.DOCUMENTS_DIR = tmp_path


def of(scene: Scene) -> Any:
    return signed_in(scene.learner.user, sign_in=scene.learner.sign_in)


def asked(scene: Scene) -> LearnerDocument:
    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
    return learner_documents.ask_document(
        actor=scene.provider_member, booking_id=booking.pk, asked="A picture of your <b>badge</b>"
    )


def file_of(content: bytes, name: str = "badge.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


# -- documents --------------------------------------------------------------------------------------------------------


def test_everything_to_take_away_is_in_one_list(scene: Scene) -> None:
    booking = validated_booking(scene)
    statement = statement_of(booking.account)
    page = of(scene).get("/account/documents/").content.decode()
    assert f"/bookings/{booking.public_id}/receipt.pdf" in page
    assert f"/statements/{statement}.pdf" in page


def test_letters_and_certificate_files_are_among_them_and_in_the_copy(scene: Scene) -> None:
    booking = validated_booking(scene)
    with clock.at(ENDS):
        certificates.record_with_file(
            actor=scene.provider_member,
            booking_id=booking.pk,
            kind="certificate",
            upload=file_of(pdf(), "diploma.pdf"),
        )
        messages.queue(
            recipient=scene.other_learner.user, template="booking_lapsed", booking=str(booking.public_id)
        )
        delivery.send_waiting()
    client = of(scene)
    page = client.get("/account/documents/").content.decode()
    assert f"/bookings/{booking.public_id}/certificates/{booking.certificates.get().pk}/" in page
    mine = Message.objects.get(recipient=scene.learner.user, template="booking_accepted")
    assert f"/account/documents/letters/{mine.pk}/" in page
    letter = client.get(f"/account/documents/letters/{mine.pk}/").content.decode()
    assert "Hello" in letter
    assert "/not-me/" not in letter, "what is for one use is not shown again"
    other = Message.objects.get(recipient=scene.other_learner.user)
    assert client.get(f"/account/documents/letters/{other.pk}/").status_code == 404
    files = dict(registry.files_of(registry.Person(scene.learner.user)))
    assert {name.split("-")[1] for name in files if name.startswith("certificates/")} == {"diploma.pdf"}
    assert files[f"letters/{mine.sent_at:%Y-%m-%d}-{mine.pk}.txt"].startswith(b"Your booking is confirmed")


def test_a_document_is_asked_for_handed_in_and_read_by_who_asked(scene: Scene) -> None:
    document = asked(scene)
    learner = of(scene)
    page = learner.get("/account/documents/").content.decode()
    assert "A picture of your &lt;b&gt;badge&lt;/b&gt;" in page
    address = f"/account/documents/{document.public_id}/"
    assert "Atelier des compétences" in words(learner.get(address))
    assert learner.post(address, {"file": file_of(pdf())}).headers["Location"] == "/account/documents/"
    document.refresh_from_db()
    assert (document.name, document.media_type) == ("badge.pdf", "application/pdf")
    told = Message.objects.filter(recipient=scene.provider_member, template="document_handed_in")
    assert told.count() == 1
    for who, user in scene.people.items():
        answer = signed_in(user).get(f"/documents/{document.public_id}/")
        expected = {"anonymous": 302, "learner": 200, "provider": 200}.get(who, 404)
        assert answer.status_code == expected, who
    answer = learner.get(f"/documents/{document.public_id}/")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    # Once: what was read is not replaced behind the reader's back.
    learner.post(address, {"file": file_of(pdf("another"))})
    assert LearnerDocument.objects.get().sha256 == document.sha256


@pytest.mark.parametrize("content", [b"", b"<html>", encrypted_pdf(), scripted_pdf(), b"PK\x03\x04zip"])
def test_a_hostile_file_is_refused_and_nothing_kept(scene: Scene, content: bytes, tmp_path: Path) -> None:
    document = asked(scene)
    answer = of(scene).post(f"/account/documents/{document.public_id}/", {"file": file_of(content)})
    assert answer.status_code == 422
    document.refresh_from_db()
    assert document.handed_in_at is None
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


def test_only_who_has_to_do_with_a_booking_asks_its_learner(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
    for who in ("other_provider", "other_learner", "learner", "employer", "payment_officer", "auditor"):
        user = scene.people[who]
        assert user is not None
        answer = signed_in(user).post(f"/bookings/{booking.public_id}/documents/", {"asked": "Your passport"})
        assert answer.status_code == 404, who
    assert not LearnerDocument.objects.exists()
    clerk = signed_in(scene.case_worker)
    assert clerk.post(f"/bookings/{booking.public_id}/documents/", {"asked": "A letter"}).status_code == 302
    document = LearnerDocument.objects.get()
    assert (
        signed_in(scene.provider_member).post(f"/documents/{document.public_id}/withdraw/").status_code == 404
    )
    assert "A letter" not in words(
        signed_in(scene.provider_member).get(f"/bookings/{booking.public_id}/documents/")
    )
    assert clerk.post(f"/documents/{document.public_id}/withdraw/").status_code == 302
    assert "A letter" not in words(of(scene).get("/account/documents/"))


# -- refunds ----------------------------------------------------------------------------------------------------------


def test_own_money_of_a_withdrawn_booking_is_shown_with_its_last_day(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
        bookings.withdraw(actor=scene.learner.user, booking_id=booking.pk)
        page = words(of(scene).get("/account/refunds/"))
    assert "Due back to you since 4 May 2026" in page
    assert "You have it by 3 June 2026 at the latest (F-23)" in page
    assert "Enter your bank account below" in page


def test_the_account_is_checked_and_entered_by_its_owner_under_a_strong_sign_in(scene: Scene) -> None:
    client = of(scene)
    address = "/account/refunds/account/"
    weak = signed_in(scene.learner.user, sign_in=SignInFactory.create(user=scene.learner.user, weak=True))
    form = {"holder": "Camille Durand", "iban": IBAN}
    assert weak.post(address, form).headers["Location"].startswith("/accounts/e-identity/")
    wrong = client.post(address, form | {"iban": IBAN.replace("606", "607")})
    assert wrong.status_code == 422
    assert "This is not an IBAN" in words(wrong)
    assert not RefundAccount.objects.exists()
    assert client.post(address, form).headers["Location"] == "/account/refunds/"
    page = client.get("/account/refunds/").content.decode()
    assert "FR•• •••• 2606" in page
    assert IBAN.replace(" ", "") not in page
    mail = Message.objects.get(template="refund_account_changed")
    assert mail.recipient == scene.learner.user
    assert mail.context["not_me"]["kind"] == "contact"
    client.post(address, form | {"iban": "DE89370400440532013000"})
    assert RefundAccount.objects.filter(ended_at=None).get().iban == "DE89370400440532013000"
    assert RefundAccount.objects.count() == 2


def test_nobody_enters_an_account_for_somebody_else(scene: Scene) -> None:
    for sign_in in (None, scene.other_learner.sign_in):
        with pytest.raises(DomainError, match="sign_in_too_old"):
            refund_accounts.set_account(
                actor=scene.learner.user, sign_in=sign_in, iban=IBAN, holder="Camille Durand"
            )


# -- details ----------------------------------------------------------------------------------------------------------


def test_details_say_what_is_known_and_from_where(scene: Scene) -> None:
    page = words(of(scene).get("/account/details/"))
    for expected in ("Camille Durand", "What you do for a living Employed", "as first registered"):
        assert expected in page, expected


def test_nothing_of_the_details_is_changed_by_a_form(scene: Scene) -> None:
    before = Citizen.objects.values().get(pk=scene.learner.citizen.pk)
    form = {"language": "fr", "family_name": "Thief", "birth_date": "2000-01-01", "status": "job_seeker"}
    assert of(scene).post("/account/details/", form).status_code == 302
    assert Citizen.objects.values().get(pk=scene.learner.citizen.pk) == before


def test_a_correction_is_asked_for_with_a_document_and_decided_by_a_case_worker(scene: Scene) -> None:
    client = of(scene)
    form = {"says": "I look for work since May", "file": file_of(pdf())}
    assert client.post("/account/details/status/", form).headers["Location"] == "/account/details/"
    request = CorrectionRequest.objects.get()
    again = client.post("/account/details/status/", {"says": "Again"})
    assert again.status_code == 422
    assert request.document is not None
    assert (
        signed_in(scene.provider_member).get(f"/documents/{request.document.public_id}/").status_code == 404
    )
    clerk = signed_in(scene.case_worker)
    assert "Camille Durand" in words(clerk.get("/agency/corrections/"))
    address = f"/agency/corrections/{request.public_id}/"
    assert clerk.get(f"/documents/{request.document.public_id}/").status_code == 200
    decision = {"outcome": "correct", "value": "on the moon", "answer": "The letter of 4 May"}
    assert clerk.post(address, decision).status_code == 422
    assert (
        clerk.post(address, decision | {"value": "job_seeker"}).headers["Location"] == "/agency/corrections/"
    )
    assert Citizen.objects.get(pk=scene.learner.citizen.pk).status == "job_seeker"
    assert CitizenFact.objects.get().evidence == "The letter of 4 May"
    assert "The letter of 4 May" in words(client.get("/account/details/"))
    assert Message.objects.filter(recipient=scene.learner.user, template="correction_decided").count() == 1
    assert clerk.post(address, decision | {"value": "student"}).status_code == 422


def test_facts_are_said_as_people_say_them(scene: Scene) -> None:
    citizen = scene.learner.citizen
    Citizen.objects.filter(pk=citizen.pk).update(
        residence="DE", citizenship="FR", hours_ratio="0.8", income_cents=2_450_050, disabled=False
    )
    shown = words(of(scene).get("/account/details/"))
    for said in ("Germany", "France", "80 % of full time", "Income in a year", "24,500.50"):
        assert said in shown
    request = corrections.ask_correction(actor=scene.learner.user, fact="income_cents", says="Less")
    clerk, address = signed_in(scene.case_worker), f"/agency/corrections/{request.public_id}/"
    assert "24,500.50" in words(clerk.get(address))
    decision = {"outcome": "correct", "value": "12.345", "answer": "The tax notice"}
    assert clerk.post(address, decision).status_code == 422
    assert clerk.post(address, decision | {"value": "18000.5"}).status_code == 302
    assert Citizen.objects.get(pk=citizen.pk).income_cents == 1_800_050
    request = corrections.ask_correction(actor=scene.learner.user, fact="disabled", says="Yes")
    address = f"/agency/corrections/{request.public_id}/"
    assert '<option value="yes">' in clerk.get(address).content.decode()
    assert clerk.post(address, decision | {"value": "perhaps"}).status_code == 422
    assert clerk.post(address, decision | {"value": "yes"}).status_code == 302
    assert Citizen.objects.get(pk=citizen.pk).disabled is True


def test_a_refusal_says_why_and_a_request_is_taken_back(scene: Scene) -> None:
    user = scene.learner.user
    request = corrections.ask_correction(actor=user, fact="income_cents", says="Less")
    with pytest.raises(DomainError, match="incomplete"):
        corrections.decide(actor=scene.case_worker, public_id=request.public_id, value=None, answer=" ")
    refused = corrections.decide(
        actor=scene.case_worker, public_id=request.public_id, value=None, answer="No document"
    )
    assert refused.state == "refused"
    other = corrections.ask_correction(actor=user, fact="income_cents", says="Still less")
    stranger = signed_in(scene.other_learner.user)
    assert stranger.post(f"/account/corrections/{other.public_id}/back/").status_code == 404
    assert (
        of(scene).post(f"/account/corrections/{other.public_id}/back/").headers["Location"]
        == "/account/details/"
    )
    assert CorrectionRequest.objects.get(pk=other.pk).state == "taken_back"


def test_nobody_decides_on_their_own_facts(scene: Scene) -> None:
    citizen = scene.learner.citizen
    request = corrections.ask_correction(actor=scene.learner.user, fact="status", says="Student")
    Citizen.objects.filter(pk=citizen.pk).update(user=scene.case_worker)
    with pytest.raises(DomainError, match="own_request"):
        corrections.decide(
            actor=scene.case_worker, public_id=request.public_id, value="student", answer="I say so"
        )


def test_only_mails_that_may_be_missed_are_switched_off(scene: Scene) -> None:
    user = scene.learner.user
    assert of(scene).post("/account/details/", {"language": "fr", "surveys": "on"}).status_code == 302
    user.refresh_from_db()
    assert user.language == "fr"
    assert [one.topic for one in MutedTopic.objects.filter(user=user)] == ["suggestions"]
    for template in ("training_suggested", "survey_end", "booking_accepted"):
        messages.queue(recipient=user, template=template)
    sent = Message.objects.filter(recipient=user).values_list("template", flat=True)
    assert set(sent) == {"survey_end", "booking_accepted"}
    of(scene).post("/account/details/", {"language": "en", "surveys": "on", "suggestions": "on"})
    assert not MutedTopic.objects.exists()


# -- as many as there are ---------------------------------------------------------------------------------------------


def test_pages_ask_the_same_of_the_database_however_much_there_is(scene: Scene) -> None:
    learner, clerk, world = of(scene), signed_in(scene.case_worker), scene.world
    facts = iter(["status", "residence", "citizenship", "hours_ratio", "annual_hours", "disabled"] * 4)

    def grow(n: int) -> None:
        for _ in range(n):
            with clock.at(MONDAY):
                world.credit(scene.learner.account, 10_000, "public")
                booking = world.accepted(scene.learner, world.make_session())
                learner_documents.ask_document(
                    actor=scene.provider_member, booking_id=booking.pk, asked="A letter"
                )
                bookings.withdraw(actor=scene.learner.user, booking_id=booking.pk)
            other = world.make_learner().user
            corrections.ask_correction(actor=other, fact=next(facts), says="Wrong")

    assert_queries_constant(grow, lambda: learner.get("/account/documents/"), n=2)
    assert_queries_constant(grow, lambda: learner.get("/account/refunds/"), n=2)
    assert_queries_constant(grow, lambda: clerk.get("/agency/corrections/"), n=2)
