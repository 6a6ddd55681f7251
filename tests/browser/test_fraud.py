"""The seed's case in a browser: trainees signed up unasked, from the first alert to the referral, and the appeal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from fraud.models import Case
from funding import audit
from ila.core import clock
from tests.browser.conftest import PHONE, Check, Enter
from tests.fraud.casework.office import Office
from tests.support.world import MONDAY, Learner

pytestmark = pytest.mark.browser


class Walk:
    """Somebody at the desk, one step after the other."""

    def __init__(self, page: Page, enter: Enter) -> None:
        self.page, self._enter, self._who = page, enter, 0

    def as_(self, user: User) -> None:
        """From now on this person sits there."""
        if self._who != user.pk:
            self._enter(user)
            self._who = user.pk

    def to(self, name: str, *arguments: object) -> None:
        """Open a page."""
        self.page.goto(reverse(name, args=arguments))

    def step(self, user: User, subject: Any, link: str, **given: str | bool) -> None:
        """From the page of a case or measure: the step's link, what it asks by label, its button."""
        self.as_(user)
        kind = type(subject).__name__.lower()
        self.to(f"fraud_{kind}", subject.public_id)
        self.page.get_by_role("main").get_by_role("link", name=link, exact=True).click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(link)
        for label, value in given.items():
            self.fill(label.replace("_", " "), value)
        self.page.get_by_role("main").get_by_role("button", name=link, exact=True).click()
        expect(self.page.get_by_text(f"Done: {link}.")).to_be_visible()
        subject.refresh_from_db()

    def fill(self, label: str, value: str | bool) -> None:
        """One control by its label."""
        control = self.page.get_by_role("main").get_by_label(label, exact=True)
        if isinstance(value, bool):
            control.check()
        elif control.evaluate("element => element.tagName") == "SELECT":
            control.select_option(label=value)
        else:
            control.fill(value)


def signed_up_unasked() -> tuple[Office, Case, list[Learner]]:
    """Three trainees in May; one was paid for. Detection says what it says."""
    with clock.at(MONDAY) as hand:
        office = Office(hand)
        made = office.house.accepted(3)
        office.house.validated(made[0][1])
        office.house.pay(office.house.approved(made[0][1]))
        theirs = [booking for _learner, booking in made]
        office.store(
            office.found("D01", theirs, score=0.8),
            office.found("D03", theirs, subject=("booking", str(theirs[0].public_id))),
        )
        return office, Case.objects.get(provider=office.provider), [learner for learner, _booking in made]


def test_from_the_first_alert_to_the_referral_and_overturned(
    page: Page, server: LiveServer, enter: Enter, check: Check
) -> None:
    office, case, learners = signed_up_unasked()
    investigator, manager = office.investigator, office.manager
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    walk = Walk(page, enter)
    walk.as_(investigator)
    walk.to("fraud_alerts")
    page.get_by_role("link", name="D03").first.click()
    expect(page.get_by_role("heading", name="Evidence, frozen as it was found")).to_be_visible()
    check("fraud-alert")
    walk.step(investigator, case, "Put into the queue", Why="Two learners called.")
    walk.to("fraud_desk")
    expect(page.get_by_role("link", name=case.number)).to_be_visible()
    check("fraud-desk")
    page.get_by_role("main").get_by_role("link", name="Who is held wrongly").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Who is held wrongly")
    check("fraud-fairness")
    walk.step(investigator, case, "Take the case")
    walk.step(investigator, case, "Begin the investigation")
    walk.step(investigator, case, "Ask the learners")
    for survey in case.surveys.select_related("booking__account__citizen"):
        learner = next(each for each in learners if each.citizen == survey.booking.account.citizen)
        walk.as_(learner.user)
        walk.to("fraud_survey", survey.public_id)
        page.get_by_label("I did not sign up").check()
        page.get_by_role("main").get_by_role("button", name="Send").click()
        expect(page.get_by_text("You have answered. Thank you.")).to_be_visible()
    check("fraud-survey")
    walk.step(
        investigator, case, "Propose a decision", Fraud_confirmed=True, Reasons="Nobody had agreed to it."
    )
    walk.as_(manager)
    walk.to("fraud_case_step", case.public_id, "decide")
    page.get_by_role("main").get_by_role("button", name="Decide as proposed").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick the box when you have read the file.")
    check("fraud-decide-error")
    sure = {"I have read the file, and this is what shall happen.": True}
    walk.step(manager, case, "Decide as proposed", Why="The answers are clear.", **sure)
    walk.step(manager, case, "Carry the decision out")
    walk.step(manager, case, "Restore the learners' rights")
    expect(page.get_by_text("The rights of", exact=False).first).to_be_visible()
    until = (timezone.now() + timedelta(days=730)).date().isoformat()
    for measure, given in (
        ("What learners got back is demanded", {}),
        ("Accreditation is withdrawn", {}),
        (
            "A person is put on the blacklist",
            {"Ends on": until, "Name of the person": "Ada Faux", "Birth date of the person": "1970-01-02"},
        ),
        ("The case is handed to the prosecution", {"Handed to": "Parquet national financier"}),
    ):
        walk.step(
            investigator, case, "Propose a measure", Measure=measure, Why="Because of the case.", **given
        )
    measures = list(case.measures.exclude(kind="hold").order_by("pk"))
    for one in measures:
        walk.step(investigator, one, "Announce")
    check("fraud-measure")
    walk.as_(office.provider_user)
    walk.to("provider_letters")
    check("provider-letters")
    page.get_by_role("link", name="What learners got back is demanded").click()
    page.get_by_label("Answer", exact=True).fill("It was our agent.")
    page.get_by_role("main").get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text("What you wrote is in the file.")).to_be_visible()
    with time_machine.travel(timezone.now() + timedelta(days=16)):
        for one in measures:
            walk = Walk(page, enter)
            one.refresh_from_db()
            if one.state == "notified":
                walk.step(investigator, one, "Write down its answer", Answer="Nothing came.")
            walk.step(manager, one, "Put into force", Why="It stands.", **sure)
        first = measures[0]
        walk.as_(office.provider_user)
        walk.to("provider_measure", first.public_id)
        page.get_by_label("Why it is wrong").fill("We taught them.")
        check("provider-appeal")
        page.get_by_role("main").get_by_role("button", name="Send the appeal").click()
        expect(page.get_by_text("What you wrote is in the file.")).to_be_visible()
        first.refresh_from_db()
        walk.step(office.second_manager, first, "Appeal: it was wrong", Why="It was borrowed.", **sure)
        expect(page.get_by_text("Undone", exact=False).first).to_be_visible()
        walk.to("fraud_case", case.public_id)
        check("fraud-case")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download the dossier").click()
        assert download.value.suggested_filename == f"{case.number}.zip"
    assert audit.run().ok
