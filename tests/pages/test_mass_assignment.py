"""Fields that a form does not have change nothing: no value of theirs is written anywhere, and nobody gains a right."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.pages import test_access as access
from tests.pages.attacking import APPS, ORDER, forms_of, looked_at_by, sent
from tests.pages.support import Scene, signed_in
from tests.pages.walking import walk

pytestmark = pytest.mark.django_db

things = access.things

# A number and a text that nothing else is: found in a statement, they came from the form.
MARK = "739173917"
WRITES = ("INSERT", "UPDATE", "DELETE")
# Where what browsers send is kept as it came, or counted.
NOT_LOOKED_AT = ("django_session", "core_cacheentry")


def names_of_columns() -> set[str]:
    """Every name that a column of ours has: state, provider_id, amount_cents, actor, is_staff…"""
    return {
        name
        for model in apps.get_models()
        if model._meta.app_label in APPS
        for each in model._meta.concrete_fields
        for name in (each.name, each.attname)
    }


def rights_of(user: User | None) -> list[Any]:
    """What the row of a person itself allows."""
    if user is None:
        return []
    return list(User.objects.filter(pk=user.pk).values("is_staff", "is_superuser", "is_active"))


@pytest.mark.parametrize("part", ORDER[:7])
def test_what_a_form_does_not_have_is_written_nowhere(scene: Scene, things: access.Things, part: str) -> None:
    user = scene.people[part]
    client = signed_in(user, sign_in=scene.learner.sign_in if part == "learner" else None, again=True)
    client.raise_request_exception = False
    columns = names_of_columns()
    assert {"state", "provider_id", "amount_cents", "actor_id", "is_staff", "role"} <= columns
    before = rights_of(user)
    faults, seen, wrote = [], set(), 0
    for name, address, page in [*walk(client, part, looked_at_by(part), things.arguments)]:
        for form in forms_of(page, address):
            key = (form.where, form.method, *sorted(form.fields))
            if form.method != "post" or key in seen:
                continue
            seen.add(key)
            own = {*form.fields, *form.files, "csrfmiddlewaretoken"}
            given = {each: value or "1" for each, value in form.fields.items()}
            cache.clear()
            with CaptureQueriesContext(connection) as captured:
                sent(client, form, given | dict.fromkeys(columns - own, MARK))
                if user is not None:
                    user.refresh_from_db()
            writes = [
                each["sql"]
                for each in captured.captured_queries
                if each["sql"].lstrip().upper().startswith(WRITES)
                and not any(table in each["sql"] for table in NOT_LOOKED_AT)
            ]
            wrote += bool(writes)
            faults += [f"{name}: {form.where}: {sql[:300]}" for sql in writes if MARK in sql]
    assert not faults, "\n".join(faults)
    assert rights_of(user) == before
    # Guests and auditors have nothing to do but to look.
    assert wrote or part in {"anonymous", "auditor"}, "no form did anything: nothing was looked at"
