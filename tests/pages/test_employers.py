"""Pages of employers, of the agency about them, and of learners about employers' money."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Employer
from funding import tasks
from funding.employer_forms import ROWS
from funding.models import TopUp, TopUpDraft, TopUpReceipt
from funding.selectors import employers as selected
from funding.services import schemes, top_ups
from ila.core import clock
from tests.factories.accounts import UserFactory
from tests.funding.top_ups.support import Firm, siret_number
from tests.pages.employer_things import make_employer_things, register
from tests.pages.support import Scene, signed_in
from tests.pages.test_bookings import text_of
from tests.support.queries import assert_queries_constant
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


def test_an_employer_registers_and_is_verified(scene: Scene) -> None:
    client = signed_in(scene.employer)
    assert "Register your organisation" in client.get("/employer/").content.decode()
    form = {
        "name": "Ateliers",
        "country": "FR",
        "number": "123",
        "contact_name": "A",
        "contact_email": "a@example.org",
    }
    answer = client.post("/employer/register/", form)
    assert (answer.status_code, "look for a slip" in answer.content.decode()) == (409, True)
    answer = client.post("/employer/register/", form | {"number": siret_number(1)})
    employer = Employer.objects.get()
    assert answer.headers["Location"] == f"/employer/{employer.organisation.public_id}/"
    again = client.post("/employer/register/", form | {"number": siret_number(1)})
    assert "is registered already" in again.content.decode()
    page = client.get(answer.headers["Location"]).content.decode()
    assert "Top up a few employees" not in page
    agency = signed_in(scene.case_worker)
    address = f"/agency/employers/{employer.organisation.public_id}/"
    assert "Ateliers" in agency.get("/agency/employers/").content.decode()
    assert agency.post(address, {"refuse": "1", "reason": ""}).status_code == 409
    assert signed_in(scene.payment_officer).post(address, {"verify": "1"}).status_code == 403
    agency.post(address, {"verify": "1"})
    employer.refresh_from_db()
    assert employer.state == "verified"
    assert (
        "Top up a few employees"
        in client.get(f"/employer/{employer.organisation.public_id}/").content.decode()
    )


def test_a_few_employees_are_typed_in_and_ordered(scene: Scene) -> None:
    employer = register(scene)
    learner = signed_in(scene.learner.user)
    learner.post(f"/top-ups/{scene.learner.account.pk}/give/")
    reference = scene.learner.account.top_up_references.get().shown
    assert reference in learner.get("/top-ups/").content.decode()
    assert learner.post(f"/top-ups/{scene.other_learner.account.pk}/give/").status_code == 404
    client = signed_in(scene.employer)
    address = f"/employer/{employer.organisation.public_id}/top-up/"
    form = {"scheme": scene.world.scheme.code, "kind": "voluntary"}
    assert client.post(address, form).status_code == 422
    answer = client.post(address, form | {"reference_1": reference, "amount_1": "300.00", "field": "06"})
    draft = TopUpDraft.objects.get()
    page = client.get(answer.headers["Location"]).content.decode()
    assert "€300.00" in page
    assert "Computing" in page
    client.post(f"/employer/lists/{draft.public_id}/confirm/")
    tasks.order_top_up_list(draft_id=draft.pk)
    order = TopUp.objects.get()
    assert (order.total_cents, order.earmark) == (30_000, "isced:06")
    page = client.get(f"/employer/top-ups/{order.public_id}/").content.decode()
    assert "Pay by bank transfer" in page
    picture = client.get(f"/employer/top-ups/{order.public_id}/code.svg")
    assert picture.headers["Content-Type"] == "image/svg+xml"
    assert b"style" not in picture.content


def test_amounts_are_marked_where_the_currency_is_known(scene: Scene) -> None:
    """The scheme is chosen in the same form: with schemes in several currencies each names its own."""
    employer = register(scene)
    client = signed_in(scene.employer)
    address = f"/employer/{employer.organisation.public_id}/top-up/"
    mark = '<div class="govuk-input__prefix" aria-hidden="true">€</div>'
    page = client.get(address).content.decode()
    assert page.count(mark) == ROWS
    assert "(EUR)" not in page
    empty = text_of(client.post(address, {"kind": "voluntary", "amount_2": "1.00"}).content)
    assert "Choose a scheme." in empty
    assert "This field is required." not in empty
    assert "Enter the reference that the employee gave you." in empty
    schemes.load_preset_scheme(
        code="skillsfuture", author=UserFactory.create(), approver=UserFactory.create()
    )
    page = client.get(address).content.decode()
    assert mark not in page
    assert "(EUR)" in page
    assert "(SGD)" in page


def test_a_list_is_checked_by_a_job(scene: Scene) -> None:
    things = make_employer_things(scene)
    client = signed_in(scene.employer)
    upload = SimpleUploadedFile("may.csv", b"reference,amount\nX,1\n")
    answer = client.post(
        f"/employer/{things.employer.organisation.public_id}/list/",
        {"scheme": scene.world.scheme.code, "kind": "voluntary", "file": upload},
    )
    draft = TopUpDraft.objects.latest("pk")
    address = answer.headers["Location"]
    assert client.get(f"{address}progress/").json()["under_way"] is True
    tasks.check_top_up_list(draft_id=draft.pk)
    page = client.get(address).content.decode()
    assert "look for a slip" in page
    assert "Order it" not in page
    assert b"bad_reference" in client.get(f"{address}left-out.csv").content


def test_the_agency_settles_what_arrived_and_pays_refunds(scene: Scene) -> None:
    things = make_employer_things(scene)
    payer = signed_in(scene.payment_officer)
    page = payer.get("/agency/receipts/").content.decode()
    assert "Boulangerie Petit" in page
    address = f"/agency/receipts/{things.receipt.pk}/"
    assert payer.post(address, {"reference": "RF18539007547034", "reason": "?"}).status_code == 409
    payer.post(address, {"reference": things.order.reference, "reason": "They called."})
    assert TopUpReceipt.objects.filter(top_up=things.order).exists()
    assert payer.get(address).status_code == 404
    employer = text_of(payer.get(f"/agency/employers/{things.employer.organisation.public_id}/").content)
    assert "3 rows, 1 not matched, 1 with a fault" in employer
    address = f"/agency/receipts/refunds/{things.refund.public_id}/"
    assert payer.post(address, {"transfer_made": "1"}).status_code == 422
    assert payer.post(address, {"refuse": "1"}).status_code == 422
    payer.post(address, {"transfer_made": "1", "bank_reference": "T1"})
    page = payer.get(address).content.decode()
    assert "a colleague confirms it" in page
    assert "I have seen the transfer" not in page
    assert payer.post(address, {"confirm": "1"}).status_code == 409
    assert "to be confirmed by another person" in payer.get("/agency/receipts/").content.decode()
    colleague = signed_in(scene.world.second_payer)
    page = colleague.get(address).content.decode()
    assert "I have seen the transfer" in page
    assert "T1" in page
    assert colleague.post(address, {"drop": "1"}).status_code == 422
    colleague.post(address, {"drop": "1", "reason": "It is on no statement."})
    things.refund.refresh_from_db()
    assert things.refund.state == "requested"
    payer.post(address, {"transfer_made": "1", "bank_reference": "T2"})
    colleague.post(address, {"confirm": "1"})
    things.refund.refresh_from_db()
    assert (things.refund.state, things.refund.confirmed_by) == ("paid", scene.world.second_payer)
    assert "noted by" in colleague.get(address).content.decode()


def test_cancelling_asks_first_and_refunds_take_an_iban(scene: Scene) -> None:
    things = make_employer_things(scene)
    client = signed_in(scene.employer)
    address = f"/employer/top-ups/{things.order.public_id}/"
    assert "Cancel this order?" in client.get(f"{address}cancel/").content.decode()
    client.post(f"{address}cancel/")
    things.order.refresh_from_db()
    assert things.order.state == "failed"
    assert client.post(f"{address}refund/", {"iban": "nonsense"}).status_code == 422
    assert client.post(f"{address}code.svg").status_code == 405
    assert client.get(f"{address}code.svg").status_code == 404


def test_another_employers_people_see_nothing(scene: Scene) -> None:
    things = make_employer_things(scene)
    with clock.at(MONDAY):
        other = Firm(scene.world)
    stranger = signed_in(other.manager)
    for name, arguments in things.arguments().items():
        if name.startswith("employer_") and "public_id" in arguments:
            assert isinstance(arguments["public_id"], UUID)
    for address in (
        f"/employer/{things.employer.organisation.public_id}/",
        f"/employer/{things.employer.organisation.public_id}/members/",
        f"/employer/top-ups/{things.order.public_id}/",
        f"/employer/lists/{things.draft.public_id}/",
    ):
        assert stranger.get(address).status_code == 404
    for address in ("cancel/", "refund/"):
        posted = stranger.post(f"/employer/top-ups/{things.order.public_id}/{address}", {"iban": "x"})
        assert posted.status_code == 404
    assert stranger.post(f"/employer/lists/{things.draft.public_id}/confirm/").status_code == 404


def test_people_are_on_the_page_of_the_team(scene: Scene) -> None:
    employer = register(scene)
    answer = signed_in(scene.employer).get(f"/employer/{employer.organisation.public_id}/members/")
    assert answer.headers["Location"] == f"/organisations/{employer.organisation.public_id}/team/"


def test_use_is_told_from_five_people_on() -> None:
    with clock.at(MONDAY):
        firm = Firm()
        learners = [firm.world.make_learner(rights_cents=0) for _ in range(5)]
        order = firm.order(*[30_000] * 5, learners=learners)
        firm.pay(order)
        for learner in learners[:4]:
            firm.book(learner, price_cents=10_000)
        assert selected.use_of(firm.organisation.pk) == ([], [], True)
        firm.book(learners[4], price_cents=10_000)
        in_all, _, left_out = selected.use_of(firm.organisation.pk)
        assert [(use.people, use.cents) for use in in_all] == [(5, 50_000)]
        assert not left_out


def test_lists_ask_the_same_however_long(scene: Scene) -> None:
    with clock.at(MONDAY):
        firm = Firm(scene.world)
        client = signed_in(firm.manager)
        address = f"/employer/{firm.organisation.public_id}/"

        def grow(number: int) -> None:
            for _ in range(number):
                firm.order(10_000)

        assert_queries_constant(grow, lambda: client.get(address))
        learner = firm.employees[0]

        def give(number: int) -> None:
            for _ in range(number):
                firm.pay(firm.order(10_000))

        own = signed_in(learner.user)
        assert_queries_constant(give, lambda: own.get("/top-ups/"))
        assert top_ups.end_top_ups() == 0
