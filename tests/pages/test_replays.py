"""Forms that move money, sent twice: by a double click, by the back button, from two tabs. It moves once."""

from __future__ import annotations

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
    TopUpReceipt,
    TopUpRefund,
)
from tests.pages import test_access as access
from tests.pages.attacking import Form, forms_of
from tests.pages.support import Scene, signed_in

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
    address = reverse(name, kwargs=things.arguments(name))
    form, other_tab = form_on(client, address, which), form_on(client, address, which)
    data: dict[str, Any] = form.fields | told
    before = counted()
    first = client.post(form.where, data)
    assert first.status_code in {302, 303}, html.document_fromstring(first.content).findtext(".//main")
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
