"""The pages of providers and of the authority about them: from the first step to a listing in the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.services import delivery
from catalogue.models import Accreditation, Application, MicroCredential, Session
from catalogue.services import application_reviews, applications, entry_drafts
from tests.catalogue.providers import files
from tests.catalogue.providers.desk import IBAN, OTHER_SIRET, SIRET, Desk
from tests.pages.support import Scene, signed_in
from tests.pages.test_bookings import text_of
from tests.support.queries import assert_queries_constant

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ground(settings: Any, tmp_path: Path) -> None:
    settings.DOCUMENTS_DIR = tmp_path / "documents"
    settings.STAND_IN_PAYEES = True


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk.made()


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, (address, answer.status_code)
    return text_of(answer.content).replace("\u00a0", " ")


def send(client: Client, address: str, status: int = 302, **data: Any) -> Any:
    answer = client.post(address, data)
    assert answer.status_code == status, (address, answer.status_code, text_of(answer.content)[:3000])
    return answer


def test_from_the_first_step_to_the_public_catalogue(desk: Desk) -> None:
    applicant, worker, manager = (signed_in(one) for one in (desk.applicant, desk.case_worker, desk.manager))
    assert "an organisation is accredited first" in page(applicant, "/provider/")
    address = send(applicant, "/provider/applications/start/").headers["Location"]
    assert "0 of 9 steps are complete" in page(applicant, address)
    identity: dict[str, Any] = {"register": "siret", "country": "FR", "legal_name": "Atelier du Rhône"}
    applicant.cookies[settings.LANGUAGE_COOKIE_NAME] = "fr"
    assert "Allemagne" in page(applicant, f"{address}identity/"), "countries by their names in French"
    del applicant.cookies[settings.LANGUAGE_COOKIE_NAME]
    answer = send(applicant, f"{address}identity/", status=422, number="12345678901234", **identity)
    assert "This is no SIRET" in text_of(answer.content)
    assert (
        send(applicant, f"{address}identity/", number="732 829 320 00074", **identity)
        .headers["Location"]
        .endswith("/contact/")
    )
    contact: dict[str, Any] = {"email": "a@example.org", "turnover_cents": "1 000 000,50", "currency": "EUR"}
    send(applicant, f"{address}contact/", **contact)
    place: dict[str, Any] = {"street": "1 rue du Lac", "postcode": "69003", "city": "Lyon", "country": "FR"}
    send(applicant, f"{address}establishments/", **place)
    send(applicant, f"{address}establishments/", finish="1")
    answer = send(applicant, f"{address}persons/", status=422, finish="1")
    assert "Name at least one director." in text_of(answer.content)
    person: dict[str, Any] = {"role": "director", "full_name": "Claude Moreau", "birth_date": "1970-04-02"}
    send(applicant, f"{address}persons/", **person)
    send(applicant, f"{address}persons/", finish="1")
    answer = send(applicant, f"{address}account/", status=422, iban="FR00", holder="Atelier du Rhône")
    assert "This is no IBAN" in text_of(answer.content)
    answer = send(applicant, f"{address}account/", iban=IBAN, holder="Nearly Atelier du Rhône")
    assert "Atelier du Rhône" in page(applicant, answer.headers["Location"])
    send(applicant, f"{address}account/", iban=IBAN, holder="Atelier du Rhône")
    send(applicant, f"{address}partners/", subcontracts="no")
    trainer: dict[str, Any] = {
        "full_name": "Ada",
        "subject": "Welding",
        "qualification": "Master",
        "certified": "on",
    }
    send(applicant, f"{address}trainers/", **trainer)
    send(applicant, f"{address}trainers/", finish="1")
    hostile = SimpleUploadedFile("paper.pdf", files.SVG, content_type="application/pdf")
    answer = send(applicant, f"{address}documents/", status=422, kind="quality", file=hostile)
    assert "HTML, SVG" in text_of(answer.content)
    for kind in ("registration", "quality"):
        good = SimpleUploadedFile("paper.pdf", files.pdf(kind), content_type="text/html")
        send(applicant, f"{address}documents/", kind=kind, file=good)
    send(applicant, f"{address}documents/", finish="1")
    send(applicant, f"{address}declaration/", true="on", conduct="on")
    assert "9 of 9 steps are complete" in page(applicant, address)
    send(applicant, f"{address}submit/")
    assert "Handed in" in page(applicant, address)
    send(applicant, f"{address}submit/", status=422)

    # The agency: complete, a question, its answer, the checklist, a recommendation, another person's decision.
    one = Application.objects.get()
    seen = f"/agency/providers/{one.public_id}/"
    assert "Atelier du Rhône" in page(worker, "/agency/providers/")
    assert "Claude Moreau" in page(worker, seen)
    send(worker, f"{seen}admit/")
    send(worker, f"{seen}ask/", status=422, text="  ")
    send(worker, f"{seen}ask/", text="Which room do you teach in?")
    assert "stands still" in page(applicant, address)
    question = one.questions.get()
    paper = SimpleUploadedFile("room.png", files.picture(), content_type="image/png")
    send(applicant, f"{address}questions/{question.pk}/", answer="The big one.", file=paper)
    assert "The big one." in page(worker, seen)
    send(worker, f"{seen}recommend/", status=422, recommendation="accredit", reason="Good")
    marks: dict[str, Any] = {f"outcome-{point}": "met" for point, _, _ in worker.get(seen).context["points"]}
    send(worker, f"{seen}check/", **marks)
    send(worker, f"{seen}recommend/", recommendation="accredit", reason="Good")
    decision: dict[str, Any] = {
        "reason": "All is well.",
        "valid_from": "2026-06-01",
        "valid_until": "2029-05-31",
    }
    answer = send(worker, f"{seen}accredit/", status=422, **decision)
    assert "Somebody else" in text_of(answer.content)
    send(manager, f"{seen}accredit/", conditions="None", reference="Q-1", **decision)
    assert "Accredited" in page(applicant, address)
    delivery.send_waiting()
    assert {letter.subject for letter in mail.outbox} >= {
        "Your application is handed in",
        "A question about your application",
        "Atelier du Rhône has answered",
        "You are accredited",
    }

    # A micro-credential, step by step, with claims that are marked; sent back once, then registered and found.
    provider = Accreditation.objects.get().provider
    assert provider is not None
    assert "Atelier du Rhône" in page(applicant, "/provider/")
    started = send(applicant, f"/provider/{provider.pk}/entries/new/", title="Weld safely", kind="rs")
    entry = MicroCredential.objects.get()
    mine = f"/provider/entries/{entry.pk}/"
    assert started.headers["Location"] == f"{mine}outcomes/"
    outcomes: dict[str, Any] = {
        "goals_html": "You can weld.<script>alert(1)</script><b>Really</b>",
        "content_html": "A course, gratuite!",
        "has_prerequisites": "False",
        "inherent_requirements": "None",
        "skills": "",
        "prerequisites": "",
    }
    send(applicant, f"{mine}outcomes/", **outcomes)
    send(applicant, f"{mine}level/", status=422, workload="2")
    send(applicant, f"{mine}level/", status=422, workload="2", workload_scheme="ects", isced_field="0777")
    level: dict[str, Any] = {
        "workload": "2",
        "workload_scheme": "ects",
        "eqf_level": "4",
        "isced_field": "0715",
    }
    send(applicant, f"{mine}level/", cip_code="48.0508", formacodes="23054", **level)
    assessment: dict[str, Any] = {
        "assessed": "True",
        "assessment_type": "Practical test",
        "certifies": "outcomes",
        "quality_assurance": "Yearly review",
        "recognition": "None",
        "validity_months": "36",
    }
    send(applicant, f"{mine}assessment/", status=422, **(assessment | {"assessed": "False"}))
    send(applicant, f"{mine}assessment/", **assessment)
    delivery_: dict[str, Any] = {
        "participation": "in_person",
        "language": "fr",
        "city": "Lyon",
        "financial_help": "None",
    }
    send(applicant, f"{mine}delivery/", status=422, price_cents="0", **delivery_)
    answer = send(
        applicant, f"{mine}delivery/", status=422, more_information="http://localhost/x", **delivery_
    )
    assert "leads nowhere" in text_of(answer.content)
    send(applicant, f"{mine}delivery/", price_cents="1000,00", **delivery_)
    shown = page(applicant, mine)
    assert "Words that may not be used" in shown
    answer = send(applicant, f"{mine}submit/", status=422, claims_reason="")
    assert "“gratuite” in “Content”" in text_of(answer.content)
    send(applicant, f"{mine}outcomes/", **(outcomes | {"content_html": "A course"}))
    send(applicant, f"{mine}submit/")
    theirs = f"/agency/entries/{entry.pk}/"
    assert "Weld safely" in page(worker, "/agency/entries/")
    send(worker, f"{theirs}send_back/", status=422, reason="")
    send(worker, f"{theirs}send_back/", reason="Name the equipment.")
    assert "Name the equipment." in page(applicant, mine)
    send(applicant, f"{mine}submit/")
    assert "not specified" in page(worker, theirs)
    send(worker, f"{theirs}register/", reason="")
    public = Client()
    assert "Weld safely" in page(public, "/catalogue/?q=weld")
    assert "You can weld." in page(public, f"/catalogue/{entry.pk}/")
    assert "<script>alert" not in public.get(f"/catalogue/{entry.pk}/").content.decode()

    # Sessions and prices.
    send(applicant, f"{mine}sessions/", status=422, starts_on="2020-01-01", ends_on="2020-01-02")
    send(applicant, f"{mine}sessions/", starts_on="2027-06-07", ends_on="2027-06-09", seats="12")
    session = Session.objects.get()
    send(applicant, f"{mine}sessions/{session.pk}/guarantee/")
    send(applicant, f"{mine}price/", price_cents="1100")
    send(applicant, f"{mine}price/", price_cents="1500", reason="New machines")
    assert "waits for the agency" in page(applicant, mine)
    send(worker, f"{theirs}price_no/", reason="Too much.")
    assert "Too much." in page(applicant, mine)
    assert Session.objects.get().price_cents == 110_000
    send(applicant, f"{mine}sessions/{session.pk}/cancel/")
    send(applicant, f"{mine}level/", **level)
    send(applicant, f"{mine}basics/", title="Another", kind="rs")
    assert MicroCredential.objects.get().title == "Weld safely"


def test_documents_leave_as_attachments_for_whom_they_concern(desk: Desk, scene: Scene) -> None:
    one = desk.handed_in(number=OTHER_SIRET)
    document = one.documents.order_by("pk")[0]
    address = f"/provider/documents/{document.public_id}/"
    answer = signed_in(desk.applicant).get(address)
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    for user, status in ((desk.case_worker, 200), (scene.provider_member, 404), (scene.payment_officer, 404)):
        assert signed_in(user).get(address).status_code == status


def test_a_draft_is_nobody_elses(desk: Desk) -> None:
    draft = desk.filled()
    worker = signed_in(desk.case_worker)
    assert worker.get(f"/agency/providers/{draft.public_id}/").status_code == 404
    document = draft.documents.order_by("pk")[0]
    assert worker.get(f"/provider/documents/{document.public_id}/").status_code == 404


def test_an_accreditation_is_suspended_and_audited(desk: Desk) -> None:
    provider = desk.accredited()
    accreditation = provider.accreditations.get()
    address = f"/agency/accreditations/{accreditation.pk}/"
    worker = signed_in(desk.case_worker)
    assert "Atelier du Rhône" in page(worker, "/agency/accreditations/?q=atelier")
    send(worker, f"{address}plan/", kind="occasional", planned_on="2020-01-01", status=422)
    send(worker, f"{address}plan/", kind="renewal", planned_on="2030-01-01")
    audit = accreditation.audits.get(kind="renewal")
    record: dict[str, Any] = {"audit": audit.pk, "held_on": "2026-06-02"}
    send(worker, f"{address}record/", outcome="minor", status=422, **record)
    send(worker, f"{address}record/", outcome="minor", findings="A door", **record)
    send(worker, f"{address}suspend/", status=422, reason="")
    send(worker, f"{address}suspend/", reason="Complaints")
    assert "Complaints" in page(worker, address)
    send(worker, f"{address}resume/", reason="Settled")
    send(worker, f"{address}withdraw/", reason="Fraud")
    assert "Withdrawn" in page(worker, address)


@pytest.mark.parametrize(
    "address", ["/agency/providers/", "/agency/accreditations/", "/agency/entries/", "/provider/"]
)
def test_lists_ask_the_same_number_of_queries(desk: Desk, address: str) -> None:
    provider = desk.accredited()
    client = signed_in(desk.applicant if address == "/provider/" else desk.case_worker)
    numbers = iter(range(1000))

    def grow(n: int) -> None:
        for _ in range(n):
            other = Desk.made(f"Other {next(numbers)}")
            other.handed_in(register="ila", country="MT", number=f"X-{next(numbers)}", certified=2)
            entry = desk.complete_entry(provider, title=f"Weld {next(numbers)}")
            entry_drafts.submit_entry(actor=desk.applicant, entry_id=entry.pk)

    assert_queries_constant(grow, lambda: page(client, address), n=2)


@pytest.mark.parametrize("place", ["application", "accreditation"])
def test_what_is_not_there_is_404(desk: Desk, place: str) -> None:
    worker = signed_in(desk.case_worker)
    address = {
        "application": "/agency/providers/00000000-0000-4000-8000-000000000000/",
        "accreditation": "/agency/accreditations/999999/",
    }[place]
    assert worker.get(address).status_code == 404
    assert worker.post(f"{address}suspend/", {"reason": "x"}).status_code == 404
    one = desk.handed_in()
    assert worker.post(f"/agency/providers/{one.public_id}/dance/").status_code == 404


def test_an_auditor_reads_and_decides_nothing(desk: Desk, scene: Scene) -> None:
    one = desk.handed_in(number=OTHER_SIRET)
    auditor = signed_in(scene.auditor)
    assert "It is complete" not in page(auditor, f"/agency/providers/{one.public_id}/")
    assert auditor.post(f"/agency/providers/{one.public_id}/admit/").status_code == 403


def test_two_open_questions_are_answered_one_after_the_other(desk: Desk) -> None:
    one = desk.handed_in()
    first = application_reviews.ask(actor=desk.case_worker, application_id=one.pk, text="One?")
    second = application_reviews.ask(actor=desk.case_worker, application_id=one.pk, text="Two?")
    client = signed_in(desk.applicant)
    address = f"/provider/applications/{one.public_id}/"
    assert "Answer the question above first." in page(client, address)
    send(client, f"{address}questions/{first.pk}/", answer="Yes")
    send(client, f"{address}questions/{second.pk}/", answer="No")
    send(client, f"{address}questions/{second.pk}/", status=422, answer="No")
    assert Application.objects.get().waiting_since is None


def test_a_number_that_is_taken_is_refused_at_once(desk: Desk) -> None:
    desk.handed_in()
    other = Desk.made("Rival")
    draft = applications.start_application(actor=other.applicant, organisation=other.organisation)
    client = signed_in(other.applicant)
    identity: dict[str, Any] = {"register": "siret", "country": "FR", "number": SIRET, "legal_name": "Rival"}
    answer = send(client, f"/provider/applications/{draft.public_id}/identity/", status=422, **identity)
    assert "Somebody is accredited under this number" in text_of(answer.content)
