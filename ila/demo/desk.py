"""The agency's desk for providers: an application under review with a question, an audit that is planned, outcomes."""

from __future__ import annotations

import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from fpdf import FPDF
from stdnum import luhn

from catalogue import regimes
from catalogue.models import Accreditation, Application, Audit, EmploymentOutcome, MicroCredential, Provider
from catalogue.services import application_reviews, applications, audits, outcomes
from ila.demo import people
from ila.demo.journey import Stage

DATA = Path(__file__).parent / "data"
APPLICANT = "Maison du Geste"
_SIREN = "89304567" + luhn.calc_check_digit("89304567")
SIRET = f"{_SIREN}0001" + luhn.calc_check_digit(f"{_SIREN}0001")
IBAN = "FR7630006000011234567890189"
OUTCOMES_OF = date(2021, 6, 30)
HANDED_IN, ADMITTED, ASKED = 58, 59, 60
QUESTION = (
    "Two of your trainers are named without a qualification for the courses they teach. Who teaches joinery, and with"
    " which diploma?"
)
MET = ("identity", "directors", "account", "public_information")


def apply(stage: Stage) -> None:
    """A provider applies by form, is admitted, and is asked something: the term of the decision stands still."""
    organisation, applicant = people.load_applicant(APPLICANT)
    application = Application.objects.filter(organisation=organisation).first()
    if application is None or application.is_draft:
        with stage.on_day(HANDED_IN, 11), transaction.atomic():
            application = _hand_in(organisation, applicant)
            stage.say(f"{APPLICANT} hands its application in: documents, directors, trainers, bank account.")
    if application.questions.exists():
        return
    worker = stage.staff.case_worker
    with stage.on_day(ADMITTED, 10):
        if application.accreditation is not None and application.accreditation.state == "submitted":
            application_reviews.admit(actor=worker, application_id=application.pk)
        for point in MET:
            application_reviews.mark_point(
                actor=worker, application_id=application.pk, point=point, outcome="met"
            )
    with stage.on_day(ASKED, 15):
        application_reviews.ask(actor=worker, application_id=application.pk, text=QUESTION)
        stage.say(f"{worker} asks {APPLICANT} a question; the term of the decision stands still (F-34).")


def plan_audit(stage: Stage, provider: Provider) -> None:
    """The agency plans an audit of a provider that stands."""
    accreditation = Accreditation.objects.filter(provider=provider, state="accredited").order_by("pk").first()
    if accreditation is None or Audit.objects.filter(accreditation=accreditation).exists():
        return
    with stage.on_day(ASKED, 16):
        day = stage.first_day.date() + timedelta(days=ASKED + 75)
        audits.plan_audit(
            actor=stage.staff.case_worker,
            accreditation_id=accreditation.pk,
            kind="surveillance",
            planned_on=day,
        )
        stage.say(f"An audit of {provider} is planned for {day:%d %B %Y}.")


def load_outcomes(stage: Stage) -> None:
    """What became of those who completed, as the real register counted it."""
    if EmploymentOutcome.objects.exists():
        return
    with stage.on_day(0, 17):
        counts = outcomes.import_outcomes(path=DATA / "etpl_outcomes.csv", as_of=OUTCOMES_OF)
        stage.say(
            f"What became of who completed: {counts['stored']} figures of the real register, shown with their age"
            " and the number of people behind them."
        )


def sights() -> list[tuple[str, str]]:
    """Where to look: addresses, and what is there."""
    found = []
    application = Application.objects.filter(organisation__name=APPLICANT).first()
    if application is not None:
        found.append(
            (f"/agency/providers/{application.public_id}/", "an application under review, with a question")
        )
    planned = Audit.objects.filter(held_on=None).order_by("pk").first()
    if planned is not None:
        found.append(
            (f"/agency/accreditations/{planned.accreditation_id}/", "an accreditation with an audit planned")
        )
    known = EmploymentOutcome.objects.filter(employed__gt=0, completed__gte=5, wage_cents__isnull=False)
    for one in known.order_by("-completed"):
        entry = MicroCredential.objects.filter(provider_id=one.provider_id, code=one.code).first()
        if entry is not None:
            found.append((f"/catalogue/{entry.pk}/", "a course with its employment outcomes"))
            break
    return found


def _hand_in(organisation: Any, applicant: Any) -> Application:
    draft = applications.start_application(actor=applicant, organisation=organisation)
    told: dict[str, Any] = {"actor": applicant, "application_id": draft.pk}
    rows: dict[str, list[dict[str, Any]]] = {
        "establishments": [
            {"street": "14 rue des Tanneurs", "postcode": "38000", "city": "Grenoble", "country": "FR"}
        ],
        "persons": [
            {
                "role": "director",
                "full_name": "Hélène Vasseur",
                "birth_date": date(1974, 5, 12),
                "share_percent": None,
            },
            {
                "role": "owner",
                "full_name": "Hélène Vasseur",
                "birth_date": date(1974, 5, 12),
                "share_percent": 80,
            },
        ],
        "trainers": [
            {
                "full_name": "Bruno Caillat",
                "subject": "Menuiserie",
                "qualification": "CAP",
                "certified": True,
            },
            {
                "full_name": "Irène Jourdan",
                "subject": "Ébénisterie",
                "qualification": "non précisée",
                "certified": False,
            },
        ],
    }
    applications.save_step(
        **told,
        step="identity",
        values={
            "register": "siret",
            "country": "FR",
            "number": SIRET,
            "legal_name": APPLICANT,
            "trade_name": "",
        },
    )
    applications.save_step(
        **told,
        step="contact",
        values={
            "email": "bonjour@geste.example",
            "phone": "+33 4 76 00 00 00",
            "website": "",
            "turnover_cents": 24_000_000,
            "currency": "EUR",
        },
    )
    applications.save_account(**told, iban=IBAN, holder=APPLICANT)
    applications.save_step(**told, step="partners", values={"subcontracts": False})
    for kind in regimes.regime_of("siret").documents:
        applications.add_document(**told, kind=kind, name=f"{kind}.pdf", content=_paper(kind))
    for step, ones in rows.items():
        for one in ones:
            applications.add_row(**told, step=step, values=one)
        applications.finish_step(**told, step=step)
    applications.finish_step(**told, step="documents")
    applications.save_step(**told, step="declaration", values={})
    return applications.hand_in(**told)


def _paper(kind: str) -> bytes:
    sheet = FPDF(format="A4")
    sheet.add_page()
    sheet.set_font("Helvetica", size=16)
    sheet.cell(0, 12, f"{APPLICANT}: {kind} (demonstration)")
    handle = io.BytesIO()
    sheet.output(handle)
    return handle.getvalue()
