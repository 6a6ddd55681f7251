"""The case that fraud work must solve end to end, and the branch in which an appeal undoes all of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest

from accounts.models import Message
from catalogue.models import Accreditation
from fraud.models import Alert, BlacklistEntry, Case, Letter, Measure, MeasureEffect
from fraud.services import appeals, case_file, cases, dossiers, measures
from funding.models import Booking, Hold, Receivable
from funding.services import bookings, holds
from funding.services.recoveries import receipts
from funding.services.top_ups.receipts import Credit
from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
from tests.fraud.casework.office import PRICE, Office
from tests.funding.recoveries.house import buckets, check_books
from tests.support.world import MONDAY, Learner

ALL_RIGHTS = 500_000


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


def signed_up_unasked(office: Office) -> list[tuple[Learner, Booking]]:
    """Two trainings were paid that nobody took, a third is claimed, a fourth stands before its start."""
    made = office.house.accepted(4)
    office.house.validated(*(booking for _, booking in made[:3]))
    for _, booking in made[:2]:
        office.house.pay(office.house.approved(booking))
    office.house.approved(made[2][1])
    return [(learner, bookings.read_booking(booking.pk)) for learner, booking in made]


def detected(office: Office, made: list[tuple[Learner, Booking]]) -> Case:
    """Mass enrolment, denied consent: alerts, one case, a hold on what is not paid yet."""
    theirs = [booking for _, booking in made]
    stored = office.store(
        office.found("D01", theirs, score=0.8),
        office.found("D03", theirs, action="H", subject=("booking", str(theirs[0].public_id))),
    )
    unpaid = sum(booking.state != "settled" for booking in theirs)
    assert (stored.new, stored.cases, stored.holds) == (2, 1, int(unpaid > 0))
    case = Case.objects.get()
    assert (case.typology, case.state, case.provider) == (
        "enrolment_without_consent",
        "draft",
        office.provider,
    )
    assert case.amount_cents == len(theirs) * 150_000
    assert set(Alert.objects.values_list("state", "case")) == {("merged", case.pk)}
    return case


def carried_out(office: Office) -> tuple[Case, list[tuple[Learner, Booking]], list[Measure]]:
    """From the first alert to the last measure in force."""
    made = signed_up_unasked(office)
    case = detected(office, made)
    hold = Measure.objects.get(kind="hold")
    assert (hold.state, hold.notified_at is not None, hold.expires_at is not None) == ("notified", True, True)
    assert set(holds.open_holds().values_list("booking", flat=True)) == {made[2][1].pk, made[3][1].pk}
    with pytest.raises(DomainError):
        office.house.batch(*made[2][1].claims.all())

    office.taken_up(case)
    office.denied(case)
    # Rights are back before anything is asked of the provider: at the learner's word.
    assert [learner.lot().available_cents for learner, _ in made[:2]] == [ALL_RIGHTS, ALL_RIGHTS]
    office.decided(case)
    restored = office.restored(case)
    assert (restored.now, restored.left) == (4, {})
    assert {learner.lot().available_cents for learner, _ in made} == {ALL_RIGHTS}
    assert sum(debt.owed_cents for debt in Receivable.objects.all()) == 2 * PRICE
    check_books()

    related = office.world.make_provider()
    link = {"person": "Ada Faux", "score": 0.98, "role": "director"}
    wanted = [
        office.notified(case, kind)
        for kind in ("restitution", "termination", "blacklist_entity", "blacklist_person", "referral")
    ]
    wanted.append(office.notified(case, "blacklist_related", related_provider=related, link=link))
    with pytest.raises(DomainError) as early:
        measures.put_in_force(actor=office.manager, measure_id=wanted[0].pk, reason="at once")
    assert early.value.code == "too_early"
    measures.answer_measure(actor=office.provider_user, measure_id=wanted[1].pk, answer="It was my agent.")
    office.hand.move(clock.now() + timedelta(days=13))
    measures.close_terms()
    for measure in wanted:
        measures.put_in_force(
            actor=office.manager, measure_id=measure.pk, reason="The answer changes nothing."
        )
    return case, made, wanted


def test_from_the_first_alert_to_the_referral(hand: VirtualClock) -> None:
    office = Office(hand)
    case, made, _wanted = carried_out(office)
    assert {debt.state for debt in Receivable.objects.all()} == {"demanded"}
    assert Accreditation.objects.get(provider=office.provider).state == "withdrawn"
    firm, person, related = BlacklistEntry.objects.order_by("pk")
    assert (firm.provider, person.person_name, related.linked_to) == (office.provider, "Ada Faux", person)
    assert MeasureEffect.objects.filter(kind="referred", said="Parquet national financier").count() == 1
    # A transfer pays one of the debts.
    debt = Receivable.objects.order_by("pk").first()
    assert debt is not None
    receipts.take_in([Credit(PRICE, "EUR", None, bank_reference="t1", structured=debt.reference)])
    check_books()

    case = cases.close_case(actor=office.manager, case_id=case.pk, reason="All is done.")
    assert case.state == "closed"
    assert not holds.open_holds().exists()
    assert list(case_file.faults(case)) == []
    archive = dossiers.make_dossier(actor=office.manager, case_id=case.pk)
    assert list(dossiers.faults_of(io.BytesIO(archive))) == []
    told = Message.objects.filter(template="fraud_letter", recipient=office.provider_user).count()
    assert told == Letter.objects.count() > 12
    assert {bookings.read_booking(booking.pk).state for _, booking in made} == {"cancelled_by_funder"}
    check_books()


def test_an_appeal_that_succeeds_undoes_all_of_it_to_the_cent(hand: VirtualClock) -> None:
    office = Office(hand)
    made = signed_up_unasked(office)
    before = buckets()
    case = detected(office, made[:2])
    office.taken_up(case)
    for _, booking in made[:2]:
        cases.record_finding(
            actor=office.investigator,
            case_id=case.pk,
            booking_id=booking.pk,
            found="no_consent",
            why="The device was the provider's.",
        )
    office.decided(case)
    office.restored(case)
    wanted = [
        office.notified(case, kind)
        for kind in ("restitution", "termination", "blacklist_entity", "blacklist_person", "referral")
    ]
    related = office.world.make_provider()
    wanted.append(
        office.notified(case, "blacklist_related", related_provider=related, link={"person": "Ada Faux"})
    )
    hand.move(clock.now() + timedelta(days=13))
    for measure in wanted:
        measures.put_in_force(actor=office.manager, measure_id=measure.pk, reason="Nothing against it.")
    # One debt is paid back before the appeal is decided.
    debt = Receivable.objects.order_by("pk").first()
    assert debt is not None
    receipts.take_in([Credit(PRICE, "EUR", None, bank_reference="t1", structured=debt.reference)])
    assert buckets() == {**before, "paid": PRICE, "owed": -PRICE}

    for measure in wanted[:-1]:
        appeals.lodge_appeal(actor=office.provider_user, measure_id=measure.pk, appeal="We taught them.")
    for who in (office.manager, office.investigator, office.provider_user):
        with pytest.raises(DomainError):
            appeals.overturn(actor=who, measure_id=wanted[0].pk, reason="sorry")
    for measure in wanted[:-1]:
        appeals.overturn(
            actor=office.second_manager, measure_id=measure.pk, reason="The device was borrowed."
        )
    assert buckets() == before
    assert [learner.lot().available_cents for learner, _ in made[:2]] == [350_000, 350_000]
    assert {(each.state, each.owed_cents, each.recovered_cents) for each in Receivable.objects.all()} == {
        ("written_off", PRICE, 0)
    }
    back = Receivable.objects.get(pk=debt.pk).receipts.get(finding="debt_was_wrong")
    assert back.excess_cents == PRICE
    assert not BlacklistEntry.objects.filter(ended_at__isnull=True).exists()
    states = sorted(Accreditation.objects.filter(provider=office.provider).values_list("state", flat=True))
    assert states == ["accredited", "withdrawn"]
    assert (
        not MeasureEffect.objects.filter(undoes__isnull=True, undone_by__isnull=True)
        .exclude(kind="held")
        .exists()
    )
    wanted[-1].refresh_from_db()
    assert wanted[-1].state == "lifted"
    assert Letter.objects.filter(kind="apology").count() == 5
    check_books()

    # The case itself is opened again, and refuted by another person: nothing of it stands.
    cases.close_case(actor=office.manager, case_id=case.pk, reason="Appeal decided.")
    cases.ask_reopening(actor=office.investigator, case_id=case.pk, reason="The appeal succeeded.")
    cases.answer_reopening(actor=office.manager, case_id=case.pk, agreed=True, reason="Yes.")
    office.decided(case, "refuted")
    assert not Hold.objects.filter(released_at__isnull=True).exists()
    assert not Measure.objects.filter(state__in=["notified", "rebuttal", "in_force"]).exists()
    case.refresh_from_db()
    assert list(case_file.faults(case)) == []
    check_books()
