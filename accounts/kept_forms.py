"""Forms that were sent too late: kept while their sender signs in again, then given back as they were filled in.

A form is kept in the browser's own session on the server, encrypted with a key that only a cookie of this browser
holds, for an hour. Passwords, codes and consents are never kept, files never either: the page says so. Nothing is
sent again by itself: the person sees the form as they left it, and sends it.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

import structlog
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core import signing
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import form_filling

log = structlog.get_logger(__name__)

SESSION_KEY = "kept_form"
KEY_COOKIE = "kept-form"
PERSON_COOKIE = "ila-person"
PERSON_SALT = "accounts.kept_forms.person"
# A person comes back to a form within a working day, and signs in within the hour.
PERSON_SECONDS = 12 * 60 * 60
KEPT_SECONDS = 60 * 60
MAX_CHARACTERS = 64_000
MAX_FIELDS = 300
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
# By their names: what proves who somebody is, what only the server writes, and a consent, which is given to the text
# that stands on the page at that moment or not at all.
NEVER_KEPT = re.compile(r"passw|secret|token|credential|^code$|^otp|csrf|^next$|pin$|consent", re.IGNORECASE)


@dataclass
class KeptForm:
    """What was filled in. person: hash of who may have it back; page: where the form was; target: where it went."""

    person: str
    page: str
    target: str
    fields: dict[str, list[str]]
    files: bool
    at: float = field(default_factory=time.time)


# -- keeping ----------------------------------------------------------------------------------------------------------


def keep_of_expired_session(request: HttpRequest) -> str | None:
    """Keep the form of somebody whose session has ended. Returns the page it was on, or None: nothing is kept.

    Whoever was not signed in here before (in this browser, today) is not known, and nothing is kept for them.
    """
    return _keep(request, _person_of_cookie(request))


def keep_of_signed_in(request: HttpRequest) -> str | None:
    """Keep the form that a signed-in person sent from a page that was opened before they signed in."""
    return _keep(request, _person(request.user.pk)) if request.user.is_authenticated else None


def _keep(request: HttpRequest, person: str | None) -> str | None:
    if request.method != "POST" or person is None or "HX-Request" in request.headers:
        return None
    if request.content_type not in FORM_TYPES:
        return None
    try:
        posted, files = request.POST, request.FILES
    except (BadRequest, SuspiciousOperation, MultiPartParserError, OSError):
        # What cannot be read, or is too large, is no form of ours.
        return None
    fields = {name: values for name, values in posted.lists() if not NEVER_KEPT.search(name)}
    characters = sum(len(name) + sum(map(len, values)) for name, values in fields.items())
    if characters > MAX_CHARACTERS or len(fields) > MAX_FIELDS:
        return None
    target = request.get_full_path()
    form = KeptForm(person=person, page=_page(request), target=target, fields=fields, files=bool(files))
    key = Fernet.generate_key()
    request.session[SESSION_KEY] = Fernet(key).encrypt(json.dumps(asdict(form)).encode()).decode()
    request.META[KEY_COOKIE] = key.decode()
    log.info("form_kept", target=request.resolver_match.url_name if request.resolver_match else "")
    return form.page


def hand_over_key(request: HttpRequest, response: HttpResponse) -> None:
    """Give the browser the key of the form that was just kept."""
    response.set_cookie(
        KEY_COOKIE,
        request.META[KEY_COOKIE],
        max_age=KEPT_SECONDS,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def _page(request: HttpRequest) -> str:
    """The page of ours that the form was on: what the browser says, else the address it went to."""
    referer = request.headers.get("Referer", "")
    if referer and url_has_allowed_host_and_scheme(
        referer, {request.get_host()}, require_https=request.is_secure()
    ):
        parts = urlsplit(referer)
        return parts.path + (f"?{parts.query}" if parts.query else "")
    return request.get_full_path()


# -- who it was -------------------------------------------------------------------------------------------------------


def mark_person(request: HttpRequest, response: HttpResponse) -> None:
    """Let this browser remember, in a word that says nothing, who was signed in: a late form is theirs alone."""
    # What anybody's cache may keep carries nobody's cookie.
    if not request.user.is_authenticated or "public" in response.headers.get("Cache-Control", ""):
        return
    person = _person(request.user.pk)
    if _person_of_cookie(request) != person:
        response.set_cookie(
            PERSON_COOKIE,
            signing.dumps(person, salt=PERSON_SALT),
            max_age=PERSON_SECONDS,
            httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
            samesite="Lax",
        )


def _person(pk: int) -> str:
    return salted_hmac(PERSON_SALT, str(pk), algorithm="sha256").hexdigest()


def _person_of_cookie(request: HttpRequest) -> str | None:
    try:
        found = signing.loads(
            request.COOKIES.get(PERSON_COOKIE, ""), salt=PERSON_SALT, max_age=PERSON_SECONDS
        )
    except signing.BadSignature:
        return None
    return found if isinstance(found, str) else None


# -- giving back ------------------------------------------------------------------------------------------------------


def waiting(request: HttpRequest) -> bool:
    """Whether a form waits here for its sender: the sign-in says so."""
    return SESSION_KEY in request.session


def give_back(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Fill in the page that the kept form was on; forget the form once it is sent, is old, or another has come."""
    if not request.user.is_authenticated or SESSION_KEY not in request.session:
        return response
    form = _open(request)
    theirs = form is not None and constant_time_compare(form.person, _person(request.user.pk))
    if form is None or not theirs or time.time() - form.at > KEPT_SECONDS:
        return _forget(request, response)
    if request.method == "POST" and request.get_full_path() == form.target and KEY_COOKIE not in request.META:
        return _forget(request, response)
    if request.method != "GET" or request.get_full_path() != form.page or not _is_page(response):
        return response
    banner = form_filling.Banner(
        filled=render_to_string("account/kept_form.html", {"files": form.files, "filled": True}),
        lost=render_to_string("account/kept_form.html", {"files": form.files, "filled": False}),
    )
    content = form_filling.fill(
        response.content.decode(response.charset or "utf-8"),
        page=form.page,
        target=form.target,
        fields=form.fields,
        banner=banner,
    )
    response.content = content.encode(response.charset or "utf-8")
    if response.has_header("Content-Length"):
        response.headers["Content-Length"] = str(len(response.content))
    response.headers["Cache-Control"] = "no-store"
    return response


def _is_page(response: HttpResponse) -> bool:
    kind = response.headers.get("Content-Type", "")
    return response.status_code == 200 and not response.streaming and kind.startswith("text/html")


def _open(request: HttpRequest) -> KeptForm | None:
    # The key of a form that was kept by this very request comes before that of an earlier one.
    key = request.META.get(KEY_COOKIE) or request.COOKIES.get(KEY_COOKIE, "")
    try:
        return KeptForm(**json.loads(Fernet(key).decrypt(request.session[SESSION_KEY].encode())))
    except (InvalidToken, ValueError, TypeError):
        return None


def _forget(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    request.session.pop(SESSION_KEY, None)
    response.delete_cookie(KEY_COOKIE, samesite="Lax")
    return response
