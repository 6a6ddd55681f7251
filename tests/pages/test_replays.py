"""Forms that move money, sent twice: by a double click, by the back button, from two tabs. It moves once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from lxml import html

from funding.models import (
    Application,
    Booking,
    JournalEntry,
    TopUp,
    TopUpDraft,
    TopUpReceipt,
    TopUpRefund,
)
from funding.services import top_ups
from ila.core import clock
from tests.pages import test_access as access
from tests.pages.attacking import Form, forms_of
from tests.pages.support import Scene, signed_in
from tests.pages.window_scene import make_grants

pytestmark = pytest.mark.django_db

things = access.things

# What a form that moves money, or promises some, may add rows to.
COUNTED = (JournalEntry, Booking, Application, TopUp, TopUpReceipt, TopUpRefund)

# name of the page: who sends its form, which (by a field or the end of its address), and what is filled in.
FORMS: dict[str, tuple[str, str, dict[str, str]]] = {
    "booking_accept": ("learner", "consent", {"consent": "on"}),
    "booking_leave": ("learner", "", {}),
    "employer_draft": ("employer", "/confirm/", {}),
    "employer_top_up_cancel": ("employer", "", {}),
    "booking_ask": ("learner", "account", {}),
    "agency_refund": ("payment_officer", "bank_reference", {"bank_reference": "TRANSFER-17"}),
}


def counted() -> dict[str, int]:
    """How many rows there are of all that moves."""
    return {model.__name__: model._default_manager.count() for model in COUNTED}


def form_on(client: Client, address: str, which: str) -> Form:
    """The page's form that holds a field, or goes to an address that ends so; the first one for no name."""
    answer = client.get(address)
    assert answer.status_code == 200, address
    page = html.document_fromstring(answer.content)
    (main,) = page.iter("main")
    for each in list(page.iter("form")):
        if main not in each.iterancestors():
            each.drop_tree()  # type: ignore[attr-defined]
    found = [each for each in forms_of(page, address) if each.method == "post"]
    fitting = [each for each in found if not which or which in each.fields or each.where.endswith(which)]
    assert fitting, [f"{each.where} {sorted(each.fields)}" for each in found]
    return fitting[0]


@pytest.mark.parametrize("name", FORMS)
def test_sent_twice_it_moves_once(scene: Scene, things: access.Things, name: str) -> None:
    part, which, told = FORMS[name]
    sign_in = scene.learner.sign_in if part == "learner" else None
    client = signed_in(scene.people[part], sign_in=sign_in, again=True)
    arguments = things.arguments(name)
    if name == "booking_ask":
        # A session to come, for which the learner has asked nothing yet.
        arguments = {"session_id": things.windows.session.pk}
        told = {"account": str(scene.learner.account.public_id)}
    address = reverse(name, kwargs=arguments)
    form, other_tab = form_on(client, address, which), form_on(client, address, which)
    # Of two buttons one is pressed.
    for each in (form, other_tab):
        each.fields.pop("refuse", None)
    data: dict[str, Any] = form.fields | told
    before = counted()
    first = client.post(form.where, data)
    assert first.status_code in {302, 303}, first.content.decode()
    after = counted()
    cache.clear()
    # The back button, or a second click: the same form again.
    again = client.post(form.where, data)
    assert again.status_code < 500
    assert counted() == after, f"{before} then {after}: sent again it did more"
    if name != "employer_top_up_cancel":
        # Another tab, opened before: a form of its own key, about the same thing.
        late = client.post(other_tab.where, other_tab.fields | told)
        assert late.status_code < 500
        assert counted() == after, "another tab did it once more"


def test_an_application_for_a_grant_sent_twice_is_granted_once(scene: Scene) -> None:
    """The way through the waiting room: the same form again, and another tab's, find what was granted."""
    with clock.at(clock.now()) as hand:
        grants = make_grants(scene)
        grants.join(scene.learner)
        window = grants.open_window("Now", opens_at=clock.now())
        hand.move(clock.now() + timedelta(minutes=1))
        client = signed_in(scene.learner.user, sign_in=scene.learner.sign_in)
        address = reverse("window_apply", kwargs={"pk": window.pk, "session_id": grants.session.pk})
        form, other_tab = form_on(client, address, "consent"), form_on(client, address, "consent")
        data = form.fields | {"consent": "on"}
        assert client.post(form.where, data).status_code in {302, 303}
        after = counted()
        assert after["Application"] == 1
        cache.clear()
        for again in (data, other_tab.fields | {"consent": "on"}):
            assert client.post(form.where, again).status_code < 500
            assert counted() == after


def test_a_list_typed_in_twice_is_one_list(scene: Scene, things: access.Things) -> None:
    client = signed_in(scene.employer, again=True)
    address = reverse("employer_top_up_new", kwargs=things.arguments("employer_top_up_new"))
    reference = top_ups.give_reference(actor=scene.learner.user, account_id=scene.learner.account.pk)
    form = form_on(client, address, "scheme")
    told = {"scheme": scene.world.scheme.code, "kind": "voluntary"}
    data = form.fields | told | {"reference_1": reference.shown, "amount_1": "10.00"}
    first = client.post(form.where, data)
    assert first.status_code == 302, html.document_fromstring(first.content).findtext(".//main")
    drafts, before = TopUpDraft.objects.count(), counted()
    again = client.post(form.where, data)
    assert again.headers["Location"] == first.headers["Location"]
    assert (TopUpDraft.objects.count(), counted()) == (drafts, before)
