"""Open to everybody: verifying a credential, what a link shows, and what verifiers' programs read."""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from catalogue import words
from catalogue.awards import addresses, limits, status, terms
from catalogue.awards.document import issuer_profile
from catalogue.awards.forms import VerifyForm
from catalogue.awards.reading import describe
from catalogue.awards.sealing import SealingError
from catalogue.models import Award, KeyState, Provider, SigningKey
from catalogue.selectors import awards as selectors
from catalogue.services import awards
from catalogue.services.awards import Verdict
from catalogue.views.awards import card

log = structlog.get_logger(__name__)

KEYS_CACHED_SECONDS = 3600


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Paste a credential, or choose its file: whether it is genuine and in force, in plain words."""
    form = (
        VerifyForm(request.POST or None, request.FILES or None) if request.method == "POST" else VerifyForm()
    )
    finding = None
    code = 200
    if request.method == "POST":
        if not limits.allows(request, "verify"):
            return _private(render(request, "429.html", status=429))
        if form.is_valid():
            # What was pasted is not shown again: the next one is pasted over nothing.
            content = form.upload()
            verdict = awards.verify_text(form.text()) if content is None else awards.verify_file(content)
            form, finding = VerifyForm(), _finding(verdict)
        elif form.has_error("credential", "max_length"):
            form, finding = VerifyForm(), _finding(Verdict("too_large"))
        else:
            code = 422
    context = {"form": form, "finding": finding}
    return _private(render(request, "catalogue/verify.html", context, status=code))


@login_not_required
@never_cache
@require_safe
def verify_award(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """What a printed code leads to: the award as the register holds it, and how it stands today."""
    if not limits.allows(request, "verify"):
        return _private(render(request, "429.html", status=429))
    verdict = awards.verify_award(public_id)
    if verdict is None:
        answer = render(request, "catalogue/verify_unknown.html", status=404)
    else:
        answer = render(request, "catalogue/verify_award.html", {"finding": _finding(verdict)})
    return _private(answer)


@login_not_required
@never_cache
@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """What a learner shows by a link: their awards as they stand today. Openings are counted, nobody is noted."""
    if limits.is_exhausted(request, "unknown_share") or not limits.allows(request, "share"):
        return _private(render(request, "429.html", status=429))
    share = awards.open_share(token)
    if share is None:
        # Guessing a link is hopeless, and slow besides.
        limits.allows(request, "unknown_share")
        return _private(render(request, "catalogue/portfolio_gone.html", status=404))
    shown = [
        card(award)
        | {"said": describe(award.claims), "reason": words.word(words.REVOCATIONS, award.revocation_reason)}
        for award in selectors.shared_awards(share)
    ]
    holder = next((each["said"].holder for each in shown), "")
    context = {"share": share, "shown": shown, "holder": holder}
    return _private(render(request, "catalogue/portfolio_shared.html", context))


@login_not_required
@require_safe
def jwks(_request: HttpRequest) -> HttpResponse:
    """The public keys that verify our credentials: the one that signs, and those that signed before it."""
    keys = SigningKey.objects.exclude(state=KeyState.DISTRUSTED).order_by("-created_at", "-pk")
    return _published(JsonResponse({"keys": [key.public_jwk for key in keys]}), "application/jwk-set+json")


@login_not_required
@require_safe
def key(_request: HttpRequest, name: str) -> HttpResponse:
    """One public key: what the header `kid` of a credential leads to."""
    found = SigningKey.objects.filter(name=name).exclude(state=KeyState.DISTRUSTED).first()
    if found is None:
        raise Http404
    return _published(JsonResponse(found.public_jwk), "application/jwk+json")


@login_not_required
@require_safe
def issuer(_request: HttpRequest, pk: int) -> HttpResponse:
    """The public profile of a provider that has issued awards."""
    provider = Provider.objects.filter(pk=pk, status_lists__isnull=False).first()
    if provider is None:
        raise Http404
    profile = {"@context": [addresses.CONTEXT_VC, addresses.CONTEXT_OB], **issuer_profile(provider)}
    return _published(JsonResponse(profile), "application/ld+json")


@login_not_required
@require_safe
def status_list(_request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Which of an issuer's awards are revoked: a signed list of bits, fresh at each request."""
    try:
        signed = awards.sign_status_list(provider_id=pk, number=number)
    except SealingError as error:
        log.error("status_list_not_signed", error=str(error))  # noqa: TRY400 - the text says it all
        return HttpResponse(status=503, headers={"Retry-After": str(status.TTL_SECONDS)})
    if signed is None:
        raise Http404
    answer = HttpResponse(signed, content_type="application/vc+jwt")
    answer.headers["Cache-Control"] = f"public, max-age={status.TTL_SECONDS}"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


@login_not_required
@require_safe
def term_list(request: HttpRequest) -> HttpResponse:
    """What the terms mean that our credentials add to Open Badges."""
    return render(request, "catalogue/award_terms.html", {"terms": terms.TERMS.items()})


def _finding(verdict: Verdict) -> dict[str, Any]:
    title, sentence, tone = words.VERDICTS[verdict.code]
    found: dict[str, Any] = {"code": verdict.code, "title": title, "sentence": sentence, "tone": tone}
    award: Award | None = verdict.award
    if award is None:
        return found
    found |= card(award) | {"said": describe(award.claims)}
    if award.revocation_reason:
        found["reason"] = words.word(words.REVOCATIONS, award.revocation_reason)
    return found


def _private(answer: HttpResponse) -> HttpResponse:
    """Nobody lists the page, and no other site learns its address.

    Not `no-referrer`: with it browsers hide where a form comes from, and the forms of these pages would be refused.
    """
    answer.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    answer.headers["Referrer-Policy"] = "same-origin"
    return answer


def _published(answer: HttpResponse, content_type: str) -> HttpResponse:
    """For programs everywhere: cached for an hour, readable from other sites."""
    answer.headers["Content-Type"] = content_type
    answer.headers["Cache-Control"] = f"public, max-age={KEYS_CACHED_SECONDS}"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer
