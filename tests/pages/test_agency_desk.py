"""The agency's desk: claims and batches with four eyes, budgets by two persons, holds, suspensions, roles, home."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.urls import reverse

from accounts.models import Message, Role
from funding import permissions, rights
from funding.agency_pages import IN_MENU, PAGES
from funding.models import (
    Appropriation,
    Booking,
    Claim,
    Hold,
    PayeeCheck,
    PaymentBatch,
    SchemeLimit,
    SchemeLimitLog,
)
from funding.services import batch_orders, batches, claims, holds
from funding.tasks import send_batch
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory
from tests.pages.agency_things import limit_to_another_scheme, manager, propose, submitted
from tests.pages.support import PAYDAY, Scene, exported_batch, signed_in, validated_booking
from tests.pages.test_bookings import text_of
from tests.support.queries import assert_queries_constant
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def payday() -> Iterator[None]:
    """Everything happens on one Monday morning; budgets are counted afresh."""
    cache.clear()
    with clock.at(PAYDAY):
        yield
    cache.clear()


def tickets(answer: Any) -> list[str]:
    """What the page's boxes send."""
    return [told["ticket"] for told in answer.context["rows"]]


# -- claims -----------------------------------------------------------------------------------------------------------


def test_several_claims_are_approved_after_a_page_with_their_totals(scene: Scene) -> None:
    found = submitted(scene, 2)
    client = signed_in(scene.payment_officer)
    listed = client.get("/agency/claims/")
    text = text_of(listed.content)
    for expected in ("80 % validated", "1 record of attendance", "Consent receipt", "Four eyes"):
        assert expected in text
    chosen = {"claim": tickets(listed), "decision": "approve"}
    asked = client.post("/agency/claims/decide/", chosen)
    assert asked.status_code == 200
    assert "€2,640.00" in text_of(asked.content)
    assert "You can then neither put these claims into a payment batch" in text_of(asked.content)
    assert {claim.state for claim in Claim.objects.all()} == {"submitted"}
    answer = client.post("/agency/claims/decide/", {**chosen, "confirm": "1"})
    assert answer.status_code == 302
    assert {claim.state for claim in Claim.objects.filter(pk__in=[one.pk for one in found])} == {"approved"}
    assert {claim.approver for claim in Claim.objects.all()} == {scene.payment_officer}


def test_a_claim_that_changed_meanwhile_is_named_and_left_out(scene: Scene) -> None:
    first, second = submitted(scene, 2)
    client = signed_in(scene.payment_officer)
    chosen = {"claim": tickets(client.get("/agency/claims/")), "decision": "approve", "confirm": "1"}
    claims.reject_claim(actor=scene.world.second_payer, claim_id=first.pk, reason="no proof")
    answer = client.post("/agency/claims/decide/", chosen)
    assert answer.status_code == 409
    text = text_of(answer.content)
    assert f"Claim {first.pk} of" in text
    assert "It has changed since you were shown it" in text
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("rejected", "approved")


def test_a_stopped_claim_is_left_out_and_shown_with_its_hold(scene: Scene) -> None:
    (claim,) = submitted(scene)
    holds.place_hold(
        owner=scene.case_worker,
        reason="attendance looks copied",
        until=PAYDAY + timedelta(days=3),
        booking=claim.booking,
    )
    client = signed_in(scene.payment_officer)
    listed = client.get("/agency/claims/?state=submitted&only=held")
    assert "attendance looks copied" in text_of(listed.content)
    answer = client.post(
        "/agency/claims/decide/", {"claim": tickets(listed), "decision": "approve", "confirm": "1"}
    )
    assert answer.status_code == 409
    assert Claim.objects.get().state == "submitted"
    assert client.get("/agency/claims/?state=submitted&only=flagged").context["page"].paginator.count == 0


def test_a_rejection_needs_a_reason_that_is_kept(scene: Scene) -> None:
    submitted(scene)
    client = signed_in(scene.payment_officer)
    chosen = {"claim": tickets(client.get("/agency/claims/")), "decision": "reject", "confirm": "1"}
    assert client.post("/agency/claims/decide/", chosen).status_code == 422
    assert client.post("/agency/claims/decide/", {**chosen, "reason": "no certificate"}).status_code == 302
    claim = Claim.objects.get()
    assert claim.state == "rejected"
    assert claim.log.get(transition="reject").reason == "no certificate"


def test_nobody_decides_on_a_claim_of_their_own(scene: Scene) -> None:
    (claim,) = submitted(scene)
    MembershipFactory.create(organisation=scene.world.agency, role="payment_officer", user=claim.author)
    client = signed_in(claim.author)
    listed = client.get("/agency/claims/")
    assert "You wrote this claim: a colleague decides on it." in text_of(listed.content)
    asked = client.post("/agency/claims/decide/", {"claim": tickets(listed), "decision": "approve"})
    assert "you wrote it yourself" in text_of(asked.content)
    answer = client.post(
        "/agency/claims/decide/", {"claim": tickets(listed), "decision": "approve", "confirm": "1"}
    )
    assert answer.status_code == 409
    assert Claim.objects.get().state == "submitted"


@pytest.mark.parametrize("ticket", ["", "x:1", "999999:abc", "-1:a", "1" * 40])
def test_what_is_no_claim_is_not_there(scene: Scene, ticket: str) -> None:
    answer = signed_in(scene.payment_officer).post(
        "/agency/claims/decide/", {"claim": [ticket], "decision": "approve", "confirm": "1"}
    )
    assert answer.status_code == 404


def test_whoever_only_looks_decides_nothing(scene: Scene) -> None:
    submitted(scene)
    for user in (scene.auditor, scene.case_worker):
        client = signed_in(user)
        listed = client.get("/agency/claims/")
        assert b'name="claim"' not in listed.content
        answer = client.post(
            "/agency/claims/decide/", {"claim": tickets(listed), "decision": "approve", "confirm": "1"}
        )
        assert answer.status_code == 403


def test_the_queue_asks_the_same_number_of_queries_for_more_claims(scene: Scene) -> None:
    client = signed_in(scene.payment_officer)
    assert_queries_constant(lambda n: submitted(scene, n), lambda: client.get("/agency/claims/"), n=2)


# -- batches ----------------------------------------------------------------------------------------------------------


def approved(scene: Scene, number: int = 1) -> list[Claim]:
    """Claims approved by the world's payment officer."""
    return [
        claims.approve_claim(actor=scene.payment_officer, claim_id=one.pk) for one in submitted(scene, number)
    ]


def test_a_batch_goes_from_the_dry_run_to_the_bank_by_three_people(scene: Scene) -> None:
    approved(scene, 2)
    author = signed_in(scene.world.second_payer)
    dry = author.get("/agency/batches/new/?scheme=cpf")
    assert "€2,640.00" in text_of(dry.content)
    assert not PaymentBatch.objects.exists()
    made = author.post("/agency/batches/new/", {"scheme": "cpf", "seen": dry.context["plan"].seen})
    batch = PaymentBatch.objects.get()
    assert made.headers["Location"] == f"/agency/batches/{batch.msg_id}/"
    assert "a colleague releases it" in text_of(author.get(made.headers["Location"]).content)
    address = f"/agency/batches/{batch.msg_id}"
    # Neither who drew it up nor who approved a claim in it.
    assert author.post(f"{address}/approve/").status_code == 409
    assert signed_in(scene.payment_officer).post(f"{address}/approve/").status_code == 409
    other = signed_in(scene.world.third_payer)
    assert "€2,640.00" in text_of(other.get(f"{address}/approve/").content)
    assert other.post(f"{address}/approve/").status_code == 302
    batch.refresh_from_db()
    assert (batch.state, batch.approver) == ("approved", scene.world.third_payer)
    assert other.post(f"{address}/send/").status_code == 302
    assert "On its way to the bank" in text_of(other.get(f"{address}/").content)
    send_batch(batch_id=batch.pk, actor_id=scene.world.third_payer.pk)
    batch.refresh_from_db()
    assert batch.state == "exported"
    assert other.post(f"{address}/send/").status_code == 409


def test_the_dry_run_leaves_out_what_cannot_be_paid_and_says_why(scene: Scene) -> None:
    _first, second, third = approved(scene, 3)
    holds.place_hold(
        owner=scene.case_worker, reason="x", until=PAYDAY + timedelta(days=3), booking=second.booking
    )
    dry = signed_in(scene.world.second_payer).get("/agency/batches/new/?scheme=cpf")
    plan = dry.context["plan"]
    assert len(plan.ready) == 2
    assert [(one.claim.pk, one.code) for one in plan.left_out] == [(second.pk, "on_hold")]
    own = signed_in(scene.payment_officer).get("/agency/batches/new/?scheme=cpf")
    assert own.context["plan"].ready == []
    assert "you approved it yourself" in text_of(own.content)
    assert third.pk in {one.claim.pk for one in own.context["plan"].left_out}


def test_an_account_that_the_bank_does_not_match_is_accepted_by_a_colleague_with_a_reason(
    scene: Scene, settings: Any
) -> None:
    settings.STAND_IN_PAYEES = True
    organisation = scene.world.provider.organisation
    assert organisation is not None
    organisation.name = "A stranger"
    organisation.save()
    approved(scene)
    author = signed_in(scene.world.second_payer)
    dry = author.get("/agency/batches/new/?scheme=cpf")
    assert "the bank has not been asked about" in text_of(dry.content)
    asked = author.post("/agency/batches/new/", {"scheme": "cpf", "value_date": "", "ask": "1"}, follow=True)
    text = text_of(asked.content)
    assert "The bank was asked about 1 account." in text
    assert "a first payment into an account that is in another name" in text
    address = f"/agency/payees/{PayeeCheck.objects.get().public_id}/"
    # Whoever approved the claim reads it, and accepts nothing.
    approver = signed_in(scene.payment_officer)
    assert "a colleague accepts the account" in text_of(approver.get(address).content)
    assert approver.post(address, {"reason": "x"}).status_code == 409
    assert author.post(address, {"reason": ""}).status_code == 422
    assert author.post(address, {"reason": "Called them back"}).status_code == 302
    seen = author.get("/agency/batches/new/?scheme=cpf").context["plan"].seen
    made = author.post("/agency/batches/new/", {"scheme": "cpf", "seen": seen}, follow=True)
    assert "accepted it: Called them back" in text_of(made.content)


def test_a_dry_run_that_is_out_of_date_draws_nothing_up(scene: Scene) -> None:
    approved(scene)
    author = signed_in(scene.world.second_payer)
    seen = author.get("/agency/batches/new/?scheme=cpf").context["plan"].seen
    approved(scene)
    answer = author.post("/agency/batches/new/", {"scheme": "cpf", "seen": seen})
    assert answer.status_code == 409
    assert "Other claims would go in now" in text_of(answer.content)
    assert not PaymentBatch.objects.exists()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-06-29T09:00+00:00", "2026-06-29"),
        ("2026-06-29T14:00+00:00", "2026-06-30"),
        ("2026-07-03T14:00+00:00", "2026-07-06"),
        ("2026-07-13T14:00+00:00", "2026-07-15"),
    ],
)
def test_the_value_date_follows_calendar_and_cut_off(scene: Scene, moment: str, day: str) -> None:
    approved(scene)
    with clock.at(datetime.fromisoformat(moment)):
        dry = signed_in(scene.world.second_payer).get("/agency/batches/new/?scheme=cpf")
        assert f"{dry.context['first']}" == day
        holiday = signed_in(scene.world.second_payer).get(
            "/agency/batches/new/?scheme=cpf&value_date=2026-07-14"
        )
        assert holiday.status_code == 422


def test_the_bank_is_called_outside_of_transactions_and_a_failure_is_shown(
    scene: Scene, settings: Any
) -> None:
    (claim,) = approved(scene)
    batch = batches.create_batch(
        actor=scene.world.second_payer, scheme=scene.world.scheme, claim_ids=[claim.pk]
    )
    with pytest.raises(DomainError):
        batch_orders.check_sendable(actor=scene.world.third_payer, batch=batch)
    batch = batches.approve_batch(actor=scene.world.third_payer, batch_id=batch.pk)
    settings.BANK_ADDRESS = "http://127.0.0.1:9/"
    with patch.object(batches, "send_batch") as sent:
        assert batch_orders.export_and_send(actor=scene.world.third_payer, batch_id=batch.pk)
    sent.assert_called_once_with(batch_id=batch.pk)


def test_a_payment_that_came_back_says_where_it_was_paid_again(scene: Scene) -> None:
    batch = exported_batch(scene, validated_booking(scene))
    payment = batch.payments.get()
    payment.outcome = "rejected"
    payment.save()
    text = text_of(signed_in(scene.auditor).get(f"/agency/batches/{batch.msg_id}/").content)
    assert "waits for the next batch" in text


# -- budgets ----------------------------------------------------------------------------------------------------------


def test_money_is_given_by_a_manager_who_did_not_propose_it(scene: Scene) -> None:
    officer, chief = signed_in(scene.payment_officer), manager(scene)
    form = {
        "scheme": "cpf",
        "budget": "Budget 2026",
        "amount": "5000.00",
        "document": "2026-17",
        "reason": "more learners",
    }
    read = officer.post("/agency/appropriations/new/", form)
    assert read.status_code == 200
    assert not Appropriation.objects.exists()
    made = officer.post("/agency/appropriations/new/", {**form, "confirm": "1"})
    proposal = Appropriation.objects.get()
    address = f"/agency/appropriations/{proposal.public_id}/"
    assert made.headers["Location"] == address
    scene.world.budget.refresh_from_db()
    before = scene.world.budget.available_cents
    assert officer.post(address, {"act": "approve", "confirm": "1"}).status_code == 403
    boss = signed_in(chief)
    assert "This cannot be taken back" in text_of(boss.post(address, {"act": "approve"}).content)
    assert boss.post(address, {"act": "approve", "confirm": "1"}).status_code == 302
    scene.world.budget.refresh_from_db()
    assert scene.world.budget.available_cents == before + 500_000
    # Sent twice, it counts once.
    assert boss.post(address, {"act": "approve", "confirm": "1"}).status_code == 409
    history = text_of(boss.get("/agency/budgets/cpf/").content)
    assert "2026-17" in history
    assert "€5,000.00" in history
    again = officer.post("/agency/appropriations/new/", {**form, "confirm": "1"})
    assert again.status_code == 409
    assert "This act has been proposed or given" in text_of(again.content)


def test_a_proposal_is_rejected_with_a_reason_or_taken_back(scene: Scene) -> None:
    first, second = propose(scene), propose(scene, document="2026-18")
    boss, officer = signed_in(manager(scene)), signed_in(scene.payment_officer)
    address = f"/agency/appropriations/{first.public_id}/"
    assert boss.post(address, {"act": "reject"}).status_code == 422
    assert boss.post(address, {"act": "reject", "reason": "no money"}).status_code == 302
    assert (
        officer.post(f"/agency/appropriations/{second.public_id}/", {"act": "take_back"}).status_code == 302
    )
    assert boss.post(f"/agency/appropriations/{second.public_id}/", {"act": "other"}).status_code == 409
    assert sorted(Appropriation.objects.values_list("state", flat=True)) == ["rejected", "taken_back"]


def test_each_scheme_s_money_adds_up_and_a_budget_that_runs_low_is_told(scene: Scene) -> None:
    booking = validated_booking(scene)
    exported_batch(scene, booking)
    answer = signed_in(scene.auditor).get("/agency/budgets/")
    (one,) = [each["money"] for each in answer.context["money"] if each["scheme"].code == "cpf"]
    assert one.adds_up
    # Public money alone: 120.00 of the learner's own went with it.
    assert dict(one.places)["in_transit"] == 120_000
    assert answer.context["warnings"] == []
    assert one.bar[-1][1] + one.bar[-1][2] == pytest.approx(100)
    with patch("funding.selectors.agency_budgets.LOW_PERCENT", 101):
        assert "is left." in text_of(signed_in(scene.auditor).get("/agency/budgets/").content)


# -- holds and suspensions --------------------------------------------------------------------------------------------


def test_a_hold_is_placed_read_again_and_released(scene: Scene) -> None:
    booking = validated_booking(scene)
    client = signed_in(scene.case_worker)
    form = {
        "scope": "booking",
        "which": str(booking.public_id),
        "reason": "looked at",
        "until": "2026-07-10",
    }
    assert "Stop this money" in text_of(client.post("/agency/holds/new/", form).content)
    assert not Hold.objects.exists()
    assert client.post("/agency/holds/new/", {**form, "confirm": "1"}).status_code == 302
    hold = Hold.objects.get()
    # The last day is included, in the scheme's time zone.
    assert hold.expires_at.isoformat() == "2026-07-10T22:00:00+00:00"
    assert "looked at" in text_of(client.get("/agency/holds/").content)
    assert client.post(f"/agency/holds/{hold.pk}/release/").status_code == 302
    assert client.post(f"/agency/holds/{hold.pk}/release/").status_code == 409
    assert client.get("/agency/holds/").context["page"].paginator.count == 0
    assert client.get("/agency/holds/?show=all").context["page"].paginator.count == 1


@pytest.mark.parametrize(
    ("scope", "which"),
    [
        ("booking", "nothing"),
        ("booking", "00000000-0000-4000-8000-000000000000"),
        ("session", "9" * 30),
        ("session", "²"),
        ("provider", "?"),
        ("iban", "FR00"),
    ],
)
def test_a_hold_on_what_is_not_there_is_an_error_of_the_form(scene: Scene, scope: str, which: str) -> None:
    form = {"scope": scope, "which": which, "reason": "x", "until": "2026-07-10", "confirm": "1"}
    assert signed_in(scene.case_worker).post("/agency/holds/new/", form).status_code == 422
    assert not Hold.objects.exists()


@pytest.mark.parametrize("scope", ["session", "provider", "iban"])
def test_holds_of_every_scope(scene: Scene, scope: str) -> None:
    provider = scene.world.provider
    which = {"session": scene.world.session.pk, "provider": provider.external_id, "iban": provider.iban}[
        scope
    ]
    form = {"scope": scope, "which": which, "reason": "x", "until": "2026-07-10", "confirm": "1"}
    assert signed_in(scene.case_worker).post("/agency/holds/new/", form).status_code == 302
    assert Hold.objects.count() == 1


def test_an_account_is_suspended_within_its_limits_and_opened_again(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = scene.world.proposed(scene.learner)
    client = signed_in(scene.case_worker)
    found = client.get(f"/agency/suspensions/?booking={booking.public_id}")
    address = f"/agency/suspensions/{booking.account.public_id}/"
    assert found.headers["Location"] == address
    limits = {one[0]: one for one in client.get(address).context["limits"]}
    assert limits, "the scheme knows F-25"
    form = {"act": "suspend", "rule": "F-25", "last_day": "2030-01-01", "reason": "three absences"}
    assert client.post(address, form).status_code == 422
    last = next(iter(limits.values()))[1].isoformat()
    assert "They are told by e-mail" in text_of(client.post(address, {**form, "last_day": last}).content)
    assert client.post(address, {**form, "last_day": last, "confirm": "1"}).status_code == 302
    scene.learner.account.refresh_from_db()
    assert f"{scene.learner.account.suspended_until}" == last
    assert client.get("/agency/suspensions/").context["page"].paginator.count == 1
    assert client.post(address, {"act": "end"}).status_code == 422
    assert client.post(address, {"act": "end", "reason": "a mistake"}).status_code == 302
    scene.learner.account.refresh_from_db()
    assert scene.learner.account.suspended_until is None
    assert client.post(address, {"act": "end", "reason": "again"}).status_code == 409
    told = Message.objects.filter(recipient=scene.learner.user).values_list("template", flat=True)
    assert {"account_suspended", "account_reopened"} <= set(told)


# -- roles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_the_table_of_rights_is_what_the_predicates_say(scene: Scene, role: Role) -> None:
    user = MembershipFactory.create(organisation=scene.world.agency, role=role).user
    wrong = [str(right.label) for right in rights.RIGHTS if right.allows(user) != (role in right.roles)]
    assert not wrong


@pytest.mark.parametrize("role", list(Role))
def test_every_page_of_the_home_opens_to_the_roles_it_names_and_to_no_other(scene: Scene, role: Role) -> None:
    user = MembershipFactory.create(organisation=scene.world.agency, role=role).user
    client = signed_in(user)
    wrong = []
    for page in PAGES:
        opened = client.get(reverse(page.url_name)).status_code == 200
        # Awards are everybody's at the agency; its menu names them to who looks after them.
        if opened != (role in page.roles) and page.url_name != "awards":
            wrong.append(page.url_name)
    assert not wrong


def test_another_manager_limits_a_role_to_schemes_and_everything_else_is_gone(scene: Scene) -> None:
    booking = validated_booking(scene)
    officer = scene.case_worker
    membership = officer.memberships.get()
    other = limit_to_another_scheme(scene.payment_officer)
    boss = signed_in(manager(scene))
    address = f"/agency/roles/{membership.pk}/"
    assert boss.post(address, {"schemes": [other.code]}).status_code == 422
    assert boss.post(address, {"schemes": [other.code], "reason": "her region"}).status_code == 302
    assert SchemeLimitLog.objects.get().schemes == [other.code]
    client = signed_in(officer)
    assert client.get(f"/bookings/{booking.public_id}/").status_code == 404
    assert client.get("/agency/").status_code == 200
    assert not permissions.acts_for_funder(booking, officer)
    assert permissions.acts_for_funder(other, officer)
    assert "every scheme" in text_of(boss.get("/agency/roles/").content)
    assert boss.post(address, {"reason": "back"}).status_code == 302
    assert client.get(f"/bookings/{booking.public_id}/").status_code == 200
    assert not SchemeLimit.objects.filter(membership=membership).exists()


def test_nobody_limits_their_own_role_nor_one_who_is_limited_others(scene: Scene) -> None:
    chief = manager(scene)
    own = chief.memberships.get()
    assert signed_in(chief).get(f"/agency/roles/{own.pk}/").status_code == 403
    limited = manager(scene)
    limit_to_another_scheme(limited)
    assert signed_in(limited).get(f"/agency/roles/{own.pk}/").status_code == 403
    provider = scene.provider_member.memberships.get()
    assert signed_in(chief).get(f"/agency/roles/{provider.pk}/").status_code == 404


def test_services_refuse_what_belongs_to_another_scheme(scene: Scene) -> None:
    (claim,) = submitted(scene)
    proposal = propose(scene)
    hold = holds.place_hold(
        owner=scene.case_worker, reason="x", until=PAYDAY + timedelta(days=1), booking=claim.booking
    )
    for user in (scene.payment_officer, scene.case_worker):
        limit_to_another_scheme(user)
    chief = manager(scene)
    limit_to_another_scheme(chief)
    assert not permissions.may_decide_appropriation(proposal, chief)
    with pytest.raises(DomainError):
        holds.release_hold(hold_id=hold.pk, actor=scene.case_worker)
    with pytest.raises(DomainError):
        holds.place_hold(
            owner=scene.case_worker,
            reason="x",
            until=PAYDAY + timedelta(days=1),
            provider=scene.world.provider,
        )
    holds.release_hold(hold_id=hold.pk, actor=scene.world.third_payer)
    with pytest.raises(DomainError):
        claims.approve_claim(actor=scene.payment_officer, claim_id=claim.pk)
    with pytest.raises(DomainError):
        batches.create_batch(actor=scene.payment_officer, scheme=scene.world.scheme)
    claims.approve_claim(actor=scene.world.second_payer, claim_id=claim.pk)
    batch = batches.create_batch(actor=scene.world.third_payer, scheme=scene.world.scheme)
    with pytest.raises(DomainError):
        batches.approve_batch(actor=scene.payment_officer, batch_id=batch.pk)


# -- home -------------------------------------------------------------------------------------------------------------


def test_home_counts_what_waits_for_each_role(scene: Scene) -> None:
    submitted(scene, 2)
    propose(scene)

    def waiting(user: Any) -> dict[str, int]:
        answer = signed_in(user).get("/agency/")
        return {str(row.kind.label): row.number for row, _url in answer.context["waiting"]}

    assert waiting(scene.payment_officer)["Claims to decide"] == 2
    assert "Claims to decide" not in waiting(scene.case_worker)
    assert waiting(manager(scene))["Appropriations to decide"] == 1
    limit_to_another_scheme(scene.payment_officer)
    assert "Claims to decide" not in waiting(scene.payment_officer)


def test_home_asks_the_same_number_of_queries_however_much_waits(scene: Scene) -> None:
    client = signed_in(manager(scene))
    assert_queries_constant(lambda n: submitted(scene, n), lambda: client.get("/agency/"), n=2)


def test_the_menu_is_short_and_marks_one_place(scene: Scene) -> None:
    chief = signed_in(manager(scene))
    for address, label in (("/agency/claims/", "Claims"), ("/agency/holds/", "Agency")):
        items = list(chief.get(address).context["navigation"].items)
        assert len(items) <= 8
        assert [str(item.label) for item in items if item.here] == [label]
        assert b"/provider/join/" not in chief.get(address).content, "the agency decides about providers"
    assert b"/provider/join/" in signed_in(scene.learner.user).get("/").content
    assert {name for name, _roles in IN_MENU} <= {page.url_name for page in PAGES}
    assert Booking.objects.count() == 0
