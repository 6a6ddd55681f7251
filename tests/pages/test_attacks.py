"""What people who mean no good send: nothing breaks, nothing runs, nothing leads away, nothing moves twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as configured
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path, reverse
from lxml import html

from funding.models import Booking
from ila import urls
from tests.pages import test_access as access
from tests.pages.attacking import (
    EVIL,
    INJECTED,
    NONSENSE,
    ORDER,
    forms_of,
    leads_away,
    looked_at_by,
    parameters,
    sent,
)
from tests.pages.support import Scene, signed_in
from tests.pages.walking import faults_of, walk

pytestmark = pytest.mark.django_db

things = access.things

# One click in a mail program, without a page of ours (RFC 8058): the token in the address is the proof.
TAKES_POSTS_OF_ANYBODY: set[str] = set()


def quiet(user: Any, *, again: bool = False) -> Client:
    """A client that gets the page for a mistake of ours, as a browser would, instead of the exception."""
    client = signed_in(user, again=again)
    client.raise_request_exception = False
    return client


def injected(answer: Any) -> bool:
    """Whether what was sent has become a part of the page."""
    if not answer.headers.get("Content-Type", "").startswith("text/html") or not answer.content:
        return False
    return bool(
        html.document_fromstring(answer.content).xpath("//ila-injected | //script[contains(., 'alert(1)')]")
    )


# -- nonsense in every form and every address -------------------------------------------------------------------------


@pytest.mark.parametrize("part", ORDER[:7])
def test_no_form_breaks_on_nonsense(scene: Scene, things: access.Things, part: str) -> None:
    client = quiet(scene.people[part], again=True)
    faults, seen = [], set()
    for name, address, page in [*walk(client, part, looked_at_by(part), things.arguments)]:
        for form in forms_of(page, address):
            key = (form.where, form.method, *sorted(form.fields))
            if key in seen:
                continue
            seen.add(key)
            for what, text in NONSENSE.items():
                for hidden in (False, True):
                    cache.clear()
                    answer = sent(client, form, form.filled(text, hidden=hidden))
                    told = f"{name}: {form.method} {form.where} with {what}{', hidden too' * hidden}"
                    if answer.status_code >= 500:
                        faults.append(
                            f"{told}: {answer.status_code}: {getattr(client, 'exc_info', None) or ''}"
                        )
                    if injected(answer):
                        faults.append(f"{told}: the page holds it unescaped")
                    if leads_away(answer):
                        faults.append(f"{told}: leads to {answer.headers['Location']}")
    assert not faults, f"{len(faults)} of {len(seen)} forms\n" + "\n".join(faults)


@pytest.mark.parametrize("part", ORDER[:7])
def test_no_address_breaks_on_nonsense(scene: Scene, things: access.Things, part: str) -> None:
    client = quiet(scene.people[part])
    names = parameters()
    faults = []
    values = {**NONSENSE, "broken encoding": "%ff%fe", "another site": f"//{EVIL}/"}
    for name in looked_at_by(part):
        address = reverse(name, kwargs=things.arguments(name))
        for what, text in values.items():
            query = "&".join(f"{each}=%ff%fe" for each in sorted(names)) if what == "broken encoding" else ""
            answer = client.get(
                f"{address}?{query}" if query else address,
                None if query else dict.fromkeys(names, text[:2000]),
                headers={"referer": f"https://{EVIL}/"},
            )
            if answer.status_code >= 500:
                faults.append(f"{name} with {what}: {answer.status_code}")
            if injected(answer):
                faults.append(f"{name} with {what}: the page holds it unescaped")
            if leads_away(answer):
                faults.append(f"{name} with {what}: leads to {answer.headers['Location']}")
    assert not faults, "\n".join(faults)


STRANGE: dict[type, tuple[Any, ...]] = {
    int: (0, 2**63, 10**40),
    UUID: (UUID(int=0),),
    str: ("a\x00b", INJECTED.replace("/", ""), "x" * 3000, "\u202e"),
}


@pytest.mark.parametrize("part", ["learner", "provider", "case_worker"])
def test_no_object_is_found_by_a_strange_name(scene: Scene, things: access.Things, part: str) -> None:
    client = quiet(scene.people[part])
    faults = []
    for name in access.EXPECTED:
        right = things.arguments(name)
        for which, value in right.items():
            kind = UUID if isinstance(value, UUID) else int if isinstance(value, int) else str
            for strange in STRANGE[kind]:
                try:
                    address = reverse(name, kwargs={**right, which: strange})
                except Exception:  # noqa: BLE001, S112 - the address cannot even be written
                    continue
                for method in (client.get, client.post):
                    answer = method(address)
                    if answer.status_code >= 500:
                        faults.append(
                            f"{name}: {method.__name__} {which}={str(strange)[:30]!r}: {answer.status_code}"
                        )
                    if injected(answer):
                        faults.append(f"{name}: {which} unescaped")
    assert not faults, "\n".join(faults)


# -- other methods ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["learner", "case_worker"])
def test_other_methods_do_nothing(scene: Scene, things: access.Things, part: str) -> None:
    client = quiet(scene.people[part])
    faults = []
    for name, row in access.EXPECTED.items():
        address = reverse(name, kwargs=things.arguments(name))
        if name in {"account_logout", "set_language"}:
            continue
        cache.clear()
        head = client.head(address)
        sent_along = b"".join(head)
        if head.status_code not in {row[part], 403, 404, 405} or sent_along:
            faults.append(f"{name}: HEAD {head.status_code} with {len(sent_along)} bytes")
        for method in ("put", "delete", "options"):
            status = getattr(client, method)(address).status_code
            if status >= 500 or (method != "options" and status == 200 and row[part] != 200):
                faults.append(f"{name}: {method} {status}")
    assert not faults, "\n".join(faults)


# -- headers ----------------------------------------------------------------------------------------------------------

HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
}


def _fails(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a mistake of ours")


urlpatterns = [path("", include(urls)), path("fails/", login_not_required(_fails))]


def bare(answer: Any) -> list[str]:
    """The headers that an answer should carry and does not."""
    policy = answer.headers.get("Content-Security-Policy", "")
    found = [name for name, value in HEADERS.items() if answer.headers.get(name) != value]
    # `no-referrer` would have browsers send forms from nowhere, and every one of them would be refused.
    if answer.headers.get("Referrer-Policy") != "same-origin":
        found.append("Referrer-Policy")
    if "default-src 'none'" not in policy or "unsafe" in policy or "*" in policy:
        found.append(f"policy {policy!r}")
    if "frame-ancestors 'none'" not in policy and "sandbox" not in policy:
        found.append("may be framed")
    return found


@override_settings(ROOT_URLCONF="tests.pages.test_attacks")
def test_every_answer_is_guarded_whatever_it_is(scene: Scene) -> None:
    client = quiet(scene.learner.user)
    strict = Client(enforce_csrf_checks=True)
    answers = {
        200: client.get("/"),
        302: Client().get("/bookings/"),
        400: client.get("/", headers={"host": EVIL}),
        403: client.get("/agency/batches/"),
        "a form from elsewhere": strict.post("/language/", {"language": "fr"}),
        404: client.get("/nowhere/"),
        405: client.get("/accounts/e-identity/claims/x/"),
        500: client.get("/fails/"),
        "a picture": client.get("/static/ila/mark.svg"),
        "a style sheet": client.get("/static/ila/ila.css"),
        "no file": client.get("/static/nothing.css"),
        "health": client.get("/health/"),
        "head": client.head("/catalogue/"),
    }
    assert {
        key: answer.status_code for key, answer in answers.items() if isinstance(key, int) and key != 405
    } == {key: key for key in (200, 302, 400, 403, 404, 500)}
    assert (answers["a picture"].status_code, answers["a style sheet"].status_code) == (200, 200)
    faults = {key: found for key, answer in answers.items() if (found := bare(answer))}
    for answer in answers.values():
        # Files are sent in pieces, and stay open until they are.
        answer.close()
    assert not faults


@pytest.mark.parametrize("part", ["learner", "provider", "payment_officer", "case_worker"])
def test_every_page_and_file_is_guarded(scene: Scene, things: access.Things, part: str) -> None:
    client, faults, files = signed_in(scene.people[part]), [], 0
    for name, row in access.EXPECTED.items():
        if row[part] != 200:
            continue
        answer = client.get(reverse(name, kwargs=things.arguments(name)))
        if bare(answer):
            faults.append(f"{name}: {bare(answer)}")
        kind = answer.headers["Content-Type"].partition(";")[0]
        files += kind != "text/html"
    assert not faults, "\n".join(faults)
    assert files > 5


def test_what_people_hand_in_is_opened_by_nothing(scene: Scene, things: access.Things) -> None:
    name = "provider_document"
    for part in ("provider", "case_worker"):
        answer = signed_in(scene.people[part]).get(reverse(name, kwargs=things.arguments(name)))
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "script-src" not in answer.headers["Content-Security-Policy"]


def test_no_folder_of_uploads_is_served() -> None:
    assert not configured.MEDIA_URL.strip("/")
    kept = Path(configured.DOCUMENTS_DIR).resolve()
    served = [Path(each).resolve() for each in (*configured.STATICFILES_DIRS, configured.STATIC_ROOT) if each]
    assert served
    for folder in served:
        assert not kept.is_relative_to(folder)
        assert not folder.is_relative_to(kept)


# -- too much, too large ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"given_name": "x" * (configured.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)}, None),
        ({f"f{number}": "1" for number in range(1_100)}, None),
        ("--b\r\nno part\r\n", "multipart/form-data; boundary="),
        ("a" * (configured.DATA_UPLOAD_MAX_MEMORY_SIZE + 1), "application/x-www-form-urlencoded"),
    ],
)
def test_too_much_is_refused_with_a_page_of_ours(
    scene: Scene, things: access.Things, data: Any, kind: str | None
) -> None:
    client = quiet(scene.learner.user)
    waiting = reverse("booking_accept", kwargs=things.arguments("booking_accept"))
    answer = client.post(waiting, data, content_type=kind) if kind else client.post(waiting, data)
    assert answer.status_code in {400, 413}
    page = html.document_fromstring(answer.content)
    assert not faults_of(page)
    assert page.findtext(".//h1")
    assert Booking.objects.get(pk=things.waiting.pk).state == "proposed"
    assert client.get(waiting).status_code == 200, "the form is still there"


# -- whose words the server believes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{"host": EVIL}, {"host": "testserver:80@evil.example"}, {"host": "a b"}])
def test_a_host_that_is_not_ours_gets_nothing(scene: Scene, headers: dict[str, str]) -> None:
    answer = quiet(None).get("/catalogue/", headers=headers)
    assert answer.status_code == 400
    assert EVIL.encode() not in answer.content


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-host": EVIL},
        {"x-forwarded-proto": "https"},
        {"x-original-url": "/agency/batches/"},
        {"x-rewrite-url": "/agency/batches/"},
        {"x-http-method-override": "POST"},
        {"x-forwarded-for": "127.0.0.1"},
    ],
)
def test_headers_that_anybody_can_send_change_nothing(scene: Scene, headers: dict[str, str]) -> None:
    def words(**more: Any) -> str:
        answer = signed_in(scene.learner.user).get("/bookings/", **more)
        assert answer.status_code == 200
        return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())

    assert words(headers=headers) == words()


def test_a_form_cannot_say_that_it_is_another_method(scene: Scene, things: access.Things) -> None:
    client = signed_in(scene.learner.user)
    address = reverse("booking_refuse", kwargs=things.arguments("booking_refuse"))
    for method in ("DELETE", "PUT", "POST"):
        client.get(address, {"_method": method})
        client.get(address, headers={"x-http-method-override": method})
    assert Booking.objects.get(pk=things.waiting.pk).state == "proposed"


@pytest.mark.parametrize("part", ORDER[:7])
def test_no_form_is_taken_from_another_site(scene: Scene, things: access.Things, part: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in(scene.people[part], again=True).cookies
    faults = []
    for name, row in access.EXPECTED.items():
        address = reverse(name, kwargs=things.arguments(name))
        answer = strict.post(address, {"x": "1"}, headers={"origin": f"https://{EVIL}"})
        if answer.status_code not in {403, 404, 405} and name not in TAKES_POSTS_OF_ANYBODY:
            faults.append(f"{name}: {answer.status_code} (GET {row[part]})")
    assert not faults, "\n".join(faults)
