"""The form of a consent: it says which text it showed, and outlives the way to the e-identity and back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language

from accounts.models import Consent, User
from catalogue.models import Provider
from funding.consent_forms import ConsentForm
from funding.sentences import sentence
from funding.services import introductions
from ila.core.errors import DomainError

# Refusals that a fresh e-identity mends.
PROVE_AGAIN = ("weak_identity", "sign_in_too_old")
_KEPT = "consent_form"

F = TypeVar("F", bound=ConsentForm)


@dataclass(frozen=True, slots=True)
class Changes:
    """Lines of the text that are gone since it was shown, and those that are new."""

    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


NO_CHANGES = Changes()


def form_for(request: HttpRequest, form: type[F], provider: Provider) -> F:
    """The form as it was sent, or as it was before the way to the e-identity, or a new one."""
    partners = introductions.partners_of(provider)
    if request.method == "POST":
        return form(request.POST, partners=partners)
    kept = request.session.pop(_KEPT, None)
    if kept is not None and kept["path"] == request.path:
        before = {"key": kept["key"], "consent": bool(kept["shown"]), "shown": kept["shown"]}
        return form(initial={**kept.get("said", {}), **before}, partners=partners)
    return form(initial={"key": uuid.uuid4()}, partners=partners)


def keep_answer(request: HttpRequest, form: ConsentForm, booking_id: int) -> None:
    """What the learner said of who brought them, once the booking is on its way, which it never changes."""
    if form.answer is None:
        return
    try:
        introductions.tell_introduction(
            actor=cast("User", request.user), booking_id=booking_id, answer=form.answer
        )
    except DomainError as refused:
        # The provider has ended its work with that agent since the form was checked.
        messages.warning(request, sentence(refused))


def prove_and_return(request: HttpRequest, form: ConsentForm) -> HttpResponse:
    """On to the e-identity, and back to the form with what was entered in it."""
    request.session[_KEPT] = {
        "path": request.path,
        "key": str(form.cleaned_data["key"]),
        "shown": form.cleaned_data["shown"],
        "said": form.said,
    }
    return redirect(identity_url(request))


def tick_again_if_changed(form: F, text: str) -> F:
    """The form for showing that text: a tick that was set beside another text is not set any more."""
    before = form["shown"].value()
    if before and before != Consent.hash_of(text):
        return form.anew({"key": form["key"].value()})
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
