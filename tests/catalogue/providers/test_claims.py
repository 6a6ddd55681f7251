"""Claims of listings: who is told what, what stands in the way, and that one organisation at most gets a listing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from accounts.models import Message
from accounts.services import service_users
from catalogue.models import AccountChange, Application, ListingClaim, Provider, ProviderDetail
from catalogue.selectors import applications as selected
from catalogue.services import accreditations, application_reviews, applications, listing_claims
from ila.core import clock
from tests.catalogue.providers.desk import IBAN, OTHER_IBAN, OTHER_SIRET, SIRET, Desk
from tests.catalogue.providers.test_applications import mails, refused


@pytest.fixture
def listed(desk: Desk) -> Provider:
    """As an import leaves it: accredited by its register, and nobody acts for it."""
    provider = Provider.objects.create(
        register="siret",
        external_id=SIRET,
        name=desk.organisation.name,
        country="FR",
        time_zone="Europe/Paris",
    )
    accreditations.record_accreditation(
        actor=service_users.get("catalogue-import"),
        authority="Qualiopi",
        provider=provider,
        valid_from=date(2025, 1, 1),
        valid_until=None,
        reason="register",
    )
    return provider


def approve(desk: Desk, one: Application) -> Application:
    return listing_claims.approve(actor=desk.manager, application_id=one.pk, reason="Proved.")


def test_the_way_of_a_claim(desk: Desk, listed: Provider) -> None:
    one = desk.claim_recommended()
    assert (one.state, one.flags) == ("in_review", [])
    listed.refresh_from_db()
    assert listed.organisation is None, "nobody acts for a listing before its claim is approved"
    approve(desk, one)
    listed.refresh_from_db()
    after = Provider.objects.get(pk=listed.pk)
    assert (after.organisation, after.iban) == (desk.organisation, IBAN)
    assert listed.accreditations.get().state == "accredited", "the register's accreditation stands as it was"
    assert Application.objects.get().state == "approved"
    steps = ListingClaim.objects.get().log.order_by("pk").values_list("transition", flat=True)
    assert list(steps) == ["submit", "review", "approve"]
    assert mails(desk.applicant) == ["claim_received", "application_admissible", "claim_approved"]
    kinds = ProviderDetail.objects.filter(provider=listed).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["contact", "person"]
    entry = desk.complete_entry(listed)
    assert entry.provider == listed


def test_what_is_not_listed_is_not_claimed(desk: Desk, listed: Provider) -> None:
    error = refused("invalid", desk.claimed, number=OTHER_SIRET)
    assert error.params["reason"] == "not_listed"


def test_a_claim_and_an_application_may_be_drafted_beside_each_other(desk: Desk) -> None:
    start = applications.start_application
    one = start(actor=desk.applicant, organisation=desk.organisation)
    claim = start(actor=desk.applicant, organisation=desk.organisation, kind="claim")
    assert one != claim
    assert start(actor=desk.applicant, organisation=desk.organisation, kind="claim") == claim
    refused("not_allowed", listing_claims.hand_in, actor=desk.applicant, application_id=one.pk)
    refused("not_allowed", applications.hand_in, actor=desk.applicant, application_id=claim.pk)
    refused("incomplete", listing_claims.hand_in, actor=desk.applicant, application_id=claim.pk)


def test_questions_go_back_and_forth_and_stop_the_term(desk: Desk, listed: Provider) -> None:
    one = desk.claimed()
    asked = application_reviews.ask(actor=desk.case_worker, application_id=one.pk, text="Who is Claude?")
    one = Application.objects.get(pk=one.pk)
    assert one.waiting_since is not None
    application_reviews.answer(actor=desk.applicant, question_id=asked.pk, text="Our director.")
    one = Application.objects.get(pk=one.pk)
    assert one.waiting_since is None
    application_reviews.admit(actor=desk.case_worker, application_id=one.pk)
    error = refused(
        "incomplete",
        application_reviews.recommend,
        actor=desk.case_worker,
        application_id=one.pk,
        recommendation="accredit",
        reason="Good",
    )
    assert error.params["missing"] == "identity"


def test_who_recommends_does_not_decide_and_providers_decide_nothing(desk: Desk, listed: Provider) -> None:
    one = desk.claim_recommended()
    told: dict[str, Any] = {"application_id": one.pk, "reason": "Proved."}
    for actor in (desk.case_worker, desk.applicant, Desk.made("Rival").applicant, service_users.get("demo")):
        refused("not_allowed", listing_claims.approve, actor=actor, **told)
    refused(
        "not_allowed",
        application_reviews.accredit,
        actor=desk.manager,
        **told,
        valid_from=date(2026, 6, 1),
        valid_until=None,
    )


def test_a_linked_listing_is_disputed_and_never_handed_over(desk: Desk, listed: Provider) -> None:
    approve(desk, desk.claim_recommended())
    rival = Desk.made("Atelier du Rhone")
    one = rival.claim_recommended(iban=OTHER_IBAN)
    # The one who has it is told that it is claimed, and not by whom; the claimant is told nothing of them.
    told = Message.objects.filter(template="claim_disputed")
    assert [(row.recipient, row.context) for row in told] == [(desk.applicant, {"name": str(listed)})]
    assert mails(rival.applicant)[0] == "claim_received"
    flags = [flag["code"] for flag in selected.disputes(Application.objects.get(pk=one.pk))]
    assert flags == ["linked"]
    assert {flag["code"] for flag in one.flags} >= {"other_account"}
    error = refused(
        "duplicate", listing_claims.approve, actor=rival.manager, application_id=one.pk, reason="Proved."
    )
    assert error.params["reason"] == "linked"
    application_reviews.refuse(actor=rival.manager, application_id=one.pk, reason="It is another's.")
    listed.refresh_from_db()
    assert listed.organisation == desk.organisation
    assert mails(rival.applicant)[-1] == "claim_refused"
    # Refused for want of proof, one may come again at once: no waiting time as after an accreditation refused.
    assert rival.claimed(iban=OTHER_IBAN).state == "submitted"


def test_rivals_and_other_names_are_flagged(desk: Desk, listed: Provider) -> None:
    first = desk.claimed()
    rival = Desk.made("Something else")
    one = rival.claimed(iban=OTHER_IBAN)
    assert [flag["code"] for flag in selected.disputes(one)] == ["rival"]
    assert [flag["code"] for flag in selected.disputes(Application.objects.get(pk=first.pk))] == ["rival"]
    assert {flag["code"] for flag in one.flags} == {"listing_name"}
    error = refused("not_allowed", desk.claimed)
    assert error.params["reason"] == "own_listing"


def test_a_known_account_is_changed_as_any_other(desk: Desk, listed: Provider) -> None:
    listed.iban = OTHER_IBAN
    listed.save()
    approve(desk, desk.claim_recommended())
    listed.refresh_from_db()
    assert listed.iban == OTHER_IBAN
    change = AccountChange.objects.get()
    assert (change.state, change.iban, change.asked_by) == ("asked", IBAN, desk.applicant)


def test_a_claim_is_taken_back(desk: Desk, listed: Provider) -> None:
    one = desk.claimed()
    refused("not_allowed", listing_claims.withdraw, actor=Desk.made("Rival").applicant, application_id=one.pk)
    listing_claims.withdraw(actor=desk.applicant, application_id=one.pk)
    assert Application.objects.get(pk=one.pk).state == "withdrawn"
    refused("not_allowed", listing_claims.withdraw, actor=desk.applicant, application_id=one.pk)
    assert not selected.queue().exists()
    assert selected.counts() == {"withdrawn": 1}


def test_the_queue_holds_claims_beside_applications(desk: Desk, listed: Provider) -> None:
    claim = desk.claimed()
    other = Desk.made("Other").handed_in(number=OTHER_SIRET)
    assert set(selected.queue()) == {claim, other}
    assert set(selected.queue(state="submitted")) == {claim, other}
    assert selected.counts() == {"submitted": 2}
    assert claim.admissibility_due_at is not None
    with clock.at(claim.admissibility_due_at):
        assert set(selected.overdue(clock.now())) == {claim, other}
