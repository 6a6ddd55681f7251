"""What every page has in common: where its parts come from, its errors, its words, its number of queries."""

from __future__ import annotations

import gettext
import hashlib
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import Client, override_settings
from django.urls import include, path
from django.utils import translation

from accounts.models import Consent
from catalogue import import_words, stack_words
from catalogue import words as catalogue_words
from catalogue.models import AccreditationState, CredentialKind, DeliveryMode
from catalogue.selectors.bookability import REASONS
from catalogue.services import listings
from funding import words
from funding.models import (
    BatchState,
    Booking,
    BookingState,
    Bucket,
    Claim,
    ClaimKind,
    ClaimState,
    ExitReason,
    MessageState,
    PaymentBatch,
    PaymentOutcome,
    Receivable,
    ReceivableState,
    Source,
)
from funding.sentences import SENTENCES, sentence
from ila import urls
from ila.core import fsm
from ila.core.errors import DomainError
from tests.pages.support import (
    Scene,
    bank_message,
    exported_batch,
    proposed_booking,
    signed_in,
    validated_booking,
)
from tests.support.queries import assert_queries_constant, captured_queries

ROOT = Path(__file__).resolve().parent.parent.parent
STATIC = ROOT / "ila" / "static"
CONTRACT_CODES = {
    *(
        "insufficient_rights",
        "not_eligible",
        "not_accredited",
        "not_bookable",
        "session_full",
        "budget_exhausted",
    ),
    *(
        "window_closed",
        "already_granted",
        "grant_ceiling",
        "too_early",
        "too_late",
        "usage_cap",
        "weak_identity",
    ),
    *(
        "consent_missing",
        "consent_denied",
        "not_allowed",
        "on_hold",
        "already_settled",
        "incomplete",
        "bad_price",
    ),
}


# -- what pages are made of -------------------------------------------------------------------------------------------


def test_vendored_files_are_the_ones_their_readme_names() -> None:
    readmes = sorted(STATIC.glob("vendor/*/README.md"))
    assert len(readmes) == 2
    for readme in readmes:
        named = dict(re.findall(r"^([0-9a-f]{64})  (\S+)$", readme.read_text(), re.MULTILINE))
        there = {file.name for file in readme.parent.iterdir()} - {"README.md", "LICENSE.txt", "OFL.txt"}
        assert set(named.values()) == there
        for digest, name in named.items():
            assert hashlib.sha256((readme.parent / name).read_bytes()).hexdigest() == digest, name


def test_nothing_of_the_crown_is_used() -> None:
    for file in [*STATIC.rglob("*.css"), *STATIC.rglob("*.svg"), *(ROOT / "templates").rglob("*.html")]:
        text = file.read_text().lower()
        assert "gds transport" not in text, file
        assert "crown" not in text, file
        assert "crest" not in text, file


def test_templates_load_nothing_from_elsewhere_and_hold_no_script_or_style() -> None:
    for file in (ROOT / "templates").rglob("*.html"):
        text = file.read_text()
        assert not re.search(r"""(src|href|action)=["'](https?:)?//""", text), file
        # A block of data is no script: browsers do not run it.
        code = text.replace('<script type="application/ld+json">', "")
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", code), file
        assert "|safe" not in text, file
        assert "autoescape off" not in text, file


@pytest.mark.django_db
def test_every_answer_carries_the_policy(client: Client) -> None:
    for address in ("/", "/catalogue/", "/nowhere/", "/health/"):
        headers = client.get(address).headers
        rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        # By the letter: one word more, such as 'unsafe-inline' or an address, opens the page to others' scripts.
        assert (rules["default-src"], rules["script-src"], rules["style-src"]) == (
            "'none'",
            "'self'",
            "'self'",
        )
        assert (rules["frame-ancestors"], rules["base-uri"], rules["form-action"]) == (
            "'none'",
            "'none'",
            "'self'",
        )
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"


# -- health and errors ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_health_says_whether_the_database_answers(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/health/").json() == {"status": "ok"}

    def gone() -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(connection, "cursor", gone)
    assert client.get("/health/").status_code == 503


def _fails(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a mistake of ours")


def _suspicious(_request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("odd")


urlpatterns = [path("", include(urls)), path("fails/", _fails), path("odd/", _suspicious)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "status", "heading"),
    [
        ("/nowhere/", 404, "Page not found"),
        ("/fails/", 500, "Something went wrong"),
        ("/odd/", 400, "This request was not understood"),
        ("/agency/batches/", 403, "This page is not for you"),
    ],
)
@override_settings(ROOT_URLCONF="tests.pages.test_ground")
def test_errors_have_a_page_that_leads_on(address: str, status: int, heading: str, scene: Scene) -> None:
    client = signed_in(scene.learner.user)
    client.raise_request_exception = False
    answer = client.get(address)
    assert answer.status_code == status
    page = answer.content.decode()
    assert f'<h1 class="govuk-heading-l">{heading}</h1>' in page
    assert 'href="/catalogue/"' in page
    assert "Traceback" not in page


# -- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (words.BOOKING_STATES, BookingState.values),
        (words.CLAIM_STATES, ClaimState.values),
        (words.CLAIM_KINDS, ClaimKind.values),
        (words.BATCH_STATES, BatchState.values),
        (words.OUTCOMES, PaymentOutcome.values),
        (words.MESSAGE_STATES, MessageState.values),
        (words.RECEIVABLE_STATES, ReceivableState.values),
        (words.SOURCES, Source.values),
        (words.BUCKETS, Bucket.values),
        (words.EXIT_REASONS, ExitReason.values),
        (words.BOOKING_EVENTS, ["request", *fsm.transitions_of(Booking)]),
        (words.CLAIM_EVENTS, ["create", *fsm.transitions_of(Claim)]),
        (words.BATCH_EVENTS, ["create", *fsm.transitions_of(PaymentBatch)]),
        (words.RECEIVABLE_EVENTS, ["open", *fsm.transitions_of(Receivable)]),
        (words.CONSENT_EVENTS, ["ask", *fsm.transitions_of(Consent)]),
        (catalogue_words.KINDS, CredentialKind.values),
        (catalogue_words.MODES, DeliveryMode.values),
        (catalogue_words.ACCREDITATION_STATES, AccreditationState.values),
        (catalogue_words.REASONS, REASONS),
    ],
)
def test_every_code_that_a_page_shows_has_words(table: dict[str, object], codes: list[str]) -> None:
    assert set(codes) <= set(table)


def test_every_refusal_has_a_sentence_that_says_what_to_do() -> None:
    used = {
        code
        for app in ("accounts", "catalogue", "funding", "ila")
        for file in (ROOT / app).rglob("*.py")
        for code in re.findall(r'DomainError\(\s*"([a-z_]+)"', file.read_text())
    }
    of_pages = {*import_words.REFUSALS, *stack_words.REFUSALS}
    missing = (used | CONTRACT_CODES) - set(SENTENCES) - of_pages
    assert not missing
    for code in SENTENCES:
        text = sentence(DomainError(code))
        assert text.endswith("."), text
        assert len(text.split()) > 6, text


def test_a_sentence_says_the_rule_and_prefers_the_precise_words() -> None:
    assert "a new one. (rule F-21)" in sentence(DomainError("too_late", rule="F-21"))
    assert "no dates yet" in sentence(DomainError("not_bookable", reason="no_dates"))
    assert "ask the agency" in sentence(DomainError("never_heard_of"))


def test_french_is_complete_and_compiled() -> None:
    """`django.po` leaves nothing out, and `django.mo` was made from it (docs/frontend.md says how)."""
    folder = ROOT / "locale" / "fr" / "LC_MESSAGES"
    with (folder / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    source = (folder / "django.po").read_text()
    assert "fuzzy" not in source
    entries = re.findall(
        r'^msgid "(.+)"$\n(?:msgid_plural .*\n)?msgstr(?:\[0\])? "(.*)"$', source, re.MULTILINE
    )
    assert len(entries) > 500
    for english, french in entries:
        assert french, f"not translated: {english}"
    for table in (
        SENTENCES,
        words.BOOKING_EVENTS,
        words.INVARIANTS,
        words.BUCKET_MEANINGS,
        catalogue_words.REASONS,
    ):
        for text in table.values():
            english = str(text)
            assert compiled.gettext(english) != english, english


@pytest.mark.django_db
def test_the_language_is_chosen_and_kept(scene: Scene, client: Client) -> None:
    answer = client.post("/language/", {"language": "fr", "next": "/catalogue/"})
    assert answer.headers["Location"] == "/catalogue/"
    page = client.get("/").content.decode()
    assert '<html lang="fr"' in page
    assert (
        client.post("/language/", {"language": "fr", "next": "https://evil.example"}).headers["Location"]
        == "/"
    )


def test_amounts_and_days_read_as_the_language_writes_them() -> None:
    template = Template("{% load ila %}{{ cents|money:'EUR' }} {{ when|day }}")

    def rendered() -> str:
        html = template.render(Context({"cents": 165_000, "when": date(2026, 5, 4)}))
        return re.sub(r"<[^>]+>", "", html)

    assert rendered() == "€1,650.00 4\u00a0May 2026"
    with translation.override("fr"):
        assert rendered() == "1\u202f650,00\u00a0€ 4\u00a0mai 2026"


def test_plain_error_pages_need_no_request() -> None:
    for name in ("400.html", "500.html", "403_csrf.html", "429.html"):
        assert "<h1" in render_to_string(name)


# -- queries ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd(scene: Scene) -> Callable[[int], None]:
    """`crowd(n)`: n more bookings of the learner, each claimed and in a batch of its own with a message."""

    def grow(n: int) -> None:
        for _ in range(n):
            session = scene.world.make_session(price_cents=30_000)
            bank_message(exported_batch(scene, validated_booking(scene, session=session)))
            entry = scene.world.make_credential(title="More")
            scene.world.make_session(entry)
        # The first search after a change remakes the changed entries' lines.
        listings.bring_all_up_to_date()

    return grow


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("part", "address"),
    [
        (None, "/"),
        (None, "/catalogue/?q=more"),
        (None, "/catalogue/"),
        (None, "/catalogue/{entry}/"),
        ("learner", "/bookings/"),
        ("payment_officer", "/bookings/"),
        ("payment_officer", "/agency/batches/"),
        ("payment_officer", "/agency/bank-messages/"),
        ("learner", "/bookings/{waiting}/accept/"),
    ],
)
def test_the_number_of_queries_does_not_grow(
    scene: Scene, crowd: Callable[[int], None], part: str | None, address: str
) -> None:
    waiting = proposed_booking(scene)
    where = address.format(entry=scene.world.credential.pk, waiting=waiting.public_id)
    sign_in = scene.learner.sign_in if part == "learner" else None
    client = signed_in(scene.people[part] if part else None, sign_in=sign_in)

    def visit() -> None:
        cache.clear()
        assert client.get(where).status_code == 200

    assert_queries_constant(crowd, visit, n=2)


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["learner", "provider", "payment_officer"])
def test_a_long_story_takes_no_more_queries(scene: Scene, part: str) -> None:
    """However often the bank sends the money back: a booking with five payments asks as often as one with one."""
    client = signed_in(scene.people[part])
    booking = validated_booking(scene)
    batch = exported_batch(scene, booking)
    address = f"/bookings/{booking.public_id}/"
    client.get(address)
    with captured_queries() as first:
        assert client.get(address).status_code == 200
    payment = batch.payments.get()
    for number in range(4):
        payment.pk, payment.outcome, payment.end_to_end_id = None, "rejected", f"E{number}"
        payment.closed_at = batch.exported_at
        payment.save(force_insert=True)
        claim_log(booking)
    with captured_queries() as second:
        page = client.get(address)
    assert len(first) == len(second)
    assert len(page.context["payments"]) == 5


def claim_log(booking: Booking) -> None:
    """One more line in the claim's history."""
    claim = Claim.objects.get(booking=booking)
    row = claim.log.order_by("pk").last()
    assert row is not None
    row.pk = None
    row.save(force_insert=True)
