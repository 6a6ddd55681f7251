"""The agency's desk where claims above a limit need two persons: what each of them is shown, and may do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from funding.models import Claim
from funding.services import claim_approvals
from ila.core import clock
from tests.pages.agency_things import submitted
from tests.pages.support import PAYDAY, Scene, signed_in
from tests.pages.test_agency_desk import tickets
from tests.pages.test_bookings import text_of
from tests.support.queries import assert_queries_constant

pytestmark = pytest.mark.django_db
LIST, DECIDE = "/agency/claims/", "/agency/claims/decide/"


@pytest.fixture(autouse=True)
def two_above_a_thousand(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Monday morning under rules by which two persons approve what is above 1,000 €."""
    monkeypatch.setattr(claim_approvals, "limit_of", lambda _claim: 100_000)
    with clock.at(PAYDAY):
        yield


def chosen(client: Client, **more: str) -> dict[str, object]:
    return {"claim": tickets(client.get(LIST)), "decision": "approve", **more}


def test_several_at_once_wait_for_a_second_person(scene: Scene) -> None:
    submitted(scene, 2)
    first, second = signed_in(scene.payment_officer), signed_in(scene.world.second_payer)
    assert "Needs a second approval: above €1,000.00." in text_of(first.get(LIST).content)
    asked = text_of(first.post(DECIDE, chosen(first)).content)
    assert "becomes payable only once two of you have approved it" in asked
    assert first.post(DECIDE, chosen(first, confirm="1")).status_code == 302
    assert {claim.state for claim in Claim.objects.all()} == {"submitted"}
    listed = first.get(LIST)
    words = text_of(listed.content)
    assert "wait for a second person" in words, words
    assert "You have approved it: a colleague approves it too, or rejects it." in words
    assert b'name="claim"' not in listed.content
    # Sent all the same, it is left out, and then refused.
    assert "you have approved it already" in text_of(first.post(DECIDE, chosen(first)).content)
    refused = first.post(DECIDE, chosen(first, confirm="1"))
    assert refused.status_code == 409
    assert "Another person approves it too." in text_of(refused.content)
    # The colleague is told who was first, and makes them payable.
    assert f"{scene.payment_officer} has approved it" in text_of(second.get(LIST).content)
    assert second.post(DECIDE, chosen(second, confirm="1")).status_code == 302
    assert {(one.state, one.approver) for one in Claim.objects.all()} == {
        ("approved", scene.world.second_payer)
    }
    one = Claim.objects.latest("pk")
    shown = text_of(second.get(f"{LIST}{one.pk}/").content)
    assert f"First approved by {scene.payment_officer}" in shown
    assert "Needs a second approval" not in shown


def test_a_page_opened_before_the_first_approval_is_read_again(scene: Scene) -> None:
    submitted(scene)
    first, second = signed_in(scene.payment_officer), signed_in(scene.world.second_payer)
    before = chosen(second, confirm="1")
    assert first.post(DECIDE, chosen(first, confirm="1")).status_code == 302
    assert second.post(DECIDE, before).status_code == 409
    assert Claim.objects.get().state == "submitted"
    # Or the second person finds it not owed.
    rejected = {**chosen(second, confirm="1"), "decision": "reject", "reason": "no certificate"}
    assert second.post(DECIDE, rejected).status_code == 302
    assert Claim.objects.get().state == "rejected"


def test_who_only_looks_reads_it_and_decides_nothing(scene: Scene) -> None:
    submitted(scene)
    for user in (scene.auditor, scene.case_worker):
        client = signed_in(user)
        assert "Needs a second approval" in text_of(client.get(LIST).content)
        assert client.post(DECIDE, chosen(client, confirm="1")).status_code == 403


def test_more_claims_ask_no_more(scene: Scene) -> None:
    client = signed_in(scene.payment_officer)

    def grow(number: int) -> None:
        for claim in submitted(scene, number):
            claim_approvals.is_first_of_two(claim, scene.world.second_payer)

    assert_queries_constant(grow, lambda: client.get(LIST), n=2)
