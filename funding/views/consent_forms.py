"""The form of a consent: it says which text it showed, and outlives the way to the e-identity and back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language

from accounts.models import Consent
from funding.consent_forms import ShownText
from ila.core.errors import DomainError

# Refusals that a fresh e-identity mends.
PROVE_AGAIN = ("weak_identity", "sign_in_too_old")
_KEPT = "consent_form"

F = TypeVar("F", bound=ShownText)


@dataclass(frozen=True, slots=True)
class Changes:
    """Lines of the text that are gone since it was shown, and those that are new."""

    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


NO_CHANGES = Changes()


def form_for(request: HttpRequest, form: type[F]) -> F:
    """The form as it was sent, or as it was before the way to the e-identity, or a new one."""
    if request.method == "POST":
        return form(request.POST)
    kept = request.session.pop(_KEPT, None)
    if kept is not None and kept["path"] == request.path:
        return form(initial={"key": kept["key"], "consent": bool(kept["shown"]), "shown": kept["shown"]})
    return form(initial={"key": uuid.uuid4()})


def prove_and_return(request: HttpRequest, form: ShownText) -> HttpResponse:
    """On to the e-identity, and back to the form with what was entered in it."""
    request.session[_KEPT] = {
        "path": request.path,
        "key": str(form.cleaned_data["key"]),
        "shown": form.cleaned_data["shown"],
    }
    return redirect(identity_url(request))


def tick_again_if_changed(form: F, text: str) -> F:
    """The form for showing that text: a tick that was set beside another text is not set any more."""
    before = form["shown"].value()
    if before and before != Consent.hash_of(text):
        return type(form)(initial={"key": form["key"].value()})
    return form


def identity_url(request: HttpRequest) -> str:
    """Where an e-identity is proved, and then this page is opened again."""
    return f"{reverse('confirm_identity')}?{urlencode({'next': request.path})}"


def changes_of(refused: DomainError) -> Changes:
    """What a refusal says has changed since the text was shown."""
    if refused.code != "consent_changed":
        return NO_CHANGES
    return Changes(tuple(refused.params.get("gone", ())), tuple(refused.params.get("new", ())))


def showing(text: str) -> dict[str, Any]:
    """What a form of consent shows and sends back: the text, its fingerprint, its language."""
    return {
        "text": text,
        "hash": Consent.hash_of(text),
        "language": get_language() or settings.LANGUAGE_CODE,
    }
