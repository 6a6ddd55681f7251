"""Sign-ups that nobody asked for: detection finds them, holds what must not be paid, and a case waits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta

from accounts.models import SignIn
from accounts.models.consents import Assurance
from catalogue.models import MicroCredential
from fraud.models import Case, CaseState
from fraud.services import cases, findings, watch
from funding.models import IntroducedBy, LearningAccount
from funding.services import bookings, introductions
from funding.services.introductions import Answer
from ila.core import clock
from ila.core.money import format_cents
from ila.demo import people
from ila.demo.crowd import NEXT_SESSION
from ila.demo.journey import Stage

LEARNERS = (
    "Marc Besson", "Odile Caron", "Denis Fabre", "Rose Gautier", "Alain Huet", "Zoé Jacquet", "Remi Klein",
    "Tania Lopes",
)  # fmt: skip
DENIED = 3
# Whom the others name as having brought them; the provider has declared nobody.
BROUGHT = Answer(IntroducedBy.OTHER, name="Diplômes Express")
CASES_A_WEEK = 10
KIND = "enrolment_without_consent"
# One connection and one device for all of them.
NETWORK = hashlib.sha256(b"a shop in Lyon").hexdigest()
DEVICE = hashlib.sha256(b"a tablet in Lyon").hexdigest()


def load_learners(stage: Stage) -> None:
    """They are there before the year's rights are credited."""
    for place, name in enumerate(LEARNERS):
        _account(stage, place, name)


def _account(stage: Stage, place: int, name: str) -> LearningAccount:
    return people.load_learner(name, stage.scheme, birth_date=date(1961, 2, 3) + timedelta(days=900 * place))


def play(stage: Stage, credentials: Sequence[MicroCredential], *, today: int) -> None:
    """Eight people are signed up in ten minutes, three say that it was not them; what follows by itself. Once."""
    if case() is not None:
        return
    credential = credentials[-1]
    session = credential.sessions.get(external_id=NEXT_SESSION)
    provider_user = people.load_provider_member(
        credential.provider, f"provider.{credential.provider.external_id[:5]}"
    )
    made = []
    for place, name in enumerate(LEARNERS):
        account = _account(stage, place, name)
        learner = account.citizen.user
        assert learner is not None
        known = account.bookings.filter(session=session).first()
        if known is not None:
            made.append(known)
            continue
        with stage.on_day(today - 4, 14, place):
            given = {
                "user": learner,
                "ip_hash": NETWORK,
                "device_hash": DEVICE,
                "device_name": "Chrome on Android",
            }
            sign_in = SignIn.objects.create(method="e_identity", assurance=Assurance.STRONG, **given)
            booking = bookings.request_booking(actor=learner, account_id=account.pk, session_id=session.pk)
            bookings.propose(actor=provider_user, booking_id=booking.pk)
            made.append(bookings.accept(actor=learner, booking_id=booking.pk, sign_in=sign_in))
            if place >= DENIED:
                introductions.tell_introduction(actor=learner, booking_id=booking.pk, answer=BROUGHT)
    with stage.on_day(today - 4, 15):
        stage.say(
            f"{len(LEARNERS)} people are signed up at {credential.provider} in ten minutes, from one device."
        )
    for booking in made[:DENIED]:
        if booking.state == "accepted":
            with stage.on_day(today - 2, 9):
                learner = booking.account.citizen.user
                assert learner is not None
                bookings.deny_consent(actor=learner, booking_id=booking.pk, reason="I signed up nowhere.")
    findings.store(watch.detect_today())
    for each in (stage.staff.investigator, stage.staff.second_investigator):
        cases.set_capacity(actor=stage.staff.approver, investigator=each, cases_a_week=CASES_A_WEEK)
    cases.fill_queue(on=clock.now().date())
    found = case()
    if found is not None:
        stage.say(
            f"Detection opens case {found.number}: {found.alerts.count()} alerts,"
            f" {format_cents(found.amount_cents, found.currency)} of public money, payments held with a letter."
        )


def case() -> Case | None:
    """The case of these sign-ups."""
    found = Case.objects.filter(
        typology=KIND, bookings__booking__account__citizen__family_name=LEARNERS[0].split()[1]
    )
    return found.exclude(state=CaseState.CLOSED).order_by("pk").first()


def sights() -> list[tuple[str, str]]:
    """Where to look."""
    found = case()
    if found is None:
        return []
    return [
        ("/agency/fraud/", "the fraud desk (as the investigator)"),
        ("/agency/introductions/", "by whom learners say that they were brought, and who is not declared"),
        (f"/agency/fraud/cases/{found.public_id}/", "a case to be taken: alerts, evidence, who shares what"),
    ]
