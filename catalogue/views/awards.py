"""Awards for those whom they concern: the learner's portfolio and links, downloads, the provider's list."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Citizen, User
from catalogue import permissions, words
from catalogue.awards import addresses
from catalogue.awards.forms import RevokeForm, ShareForm
from catalogue.awards.reading import describe
from catalogue.models import Award, AwardState
from catalogue.selectors import awards as selectors
from catalogue.selectors.awards import Onlooker
from catalogue.services import awards
from ila.core import clock
from ila.core.errors import DomainError
from ila.core.lazy import lazy_module

printing = lazy_module("catalogue.awards.printing")
baking = lazy_module("catalogue.awards.baking")
PER_PAGE = 20
# Where the secret of a new link waits until its page has shown it, once.
NEW_LINK = "new_portfolio_link"


def standing_of(award: Award) -> tuple[str, Any]:
    """How an award stands today, and its word."""
    code = "expired" if award.state == AwardState.ISSUED and award.is_expired(clock.now()) else award.state
    return code, words.word(words.AWARD_STATES, code)


def card(award: Award) -> dict[str, Any]:
    """An award in a list."""
    state, label = standing_of(award)
    return {
        "award": award,
        "state": state,
        "state_label": label,
        "kind": words.word(words.AWARD_KINDS, award.kind),
        "valid_until": printing.last_day(award) if award.expires_at else None,
    }


@never_cache
@require_safe
def portfolio(request: HttpRequest) -> HttpResponse:
    """The learner's awards and the links that show them; 404 for whoever is no learner."""
    user = _learner(request)
    page = Paginator(selectors.awards_of_learner(user), PER_PAGE).get_page(request.GET.get("page"))
    now = clock.now()
    shares = [
        {"share": share, "open": share.is_open(now), "ended": share.revoked_at is not None}
        for share in selectors.shares_of(user)[:PER_PAGE]
    ]
    secret = request.session.pop(NEW_LINK, None)
    context = {
        "page": page,
        "cards": [card(award) for award in page],
        "shares": shares,
        "link": _absolute("shared_portfolio", token=secret) if secret else "",
        "shareable": any(award.state == AwardState.ISSUED for award in page),
    }
    return render(request, "catalogue/portfolio.html", context)


@never_cache
@require_safe
def detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One award in full, with its downloads; 404 for everybody whom it does not concern."""
    award, onlooker = _find(request, public_id)
    context = card(award) | {
        "said": describe(award.claims),
        "onlooker": onlooker.value,
        "address": addresses.of_award(award.public_id),
        "reason": words.word(words.REVOCATIONS, award.revocation_reason) if award.revocation_reason else "",
        "may_revoke": award.state == AwardState.ISSUED
        and permissions.provider_or_authority(award, _user(request)),
        "shares": [share for share in award.shares.order_by("-pk") if share.is_open(clock.now())]
        if onlooker is Onlooker.LEARNER
        else [],
    }
    return render(request, "catalogue/award.html", context)


@never_cache
@require_safe
def token(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The signed credential as a file: what a wallet imports and a verifier checks."""
    award, _onlooker = _find(request, public_id)
    return _file(award, award.token, "application/vc+jwt", "jwt")


@never_cache
@require_safe
def document(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """What the credential says, as JSON-LD: readable, but proof of nothing without its signature."""
    award, _onlooker = _find(request, public_id)
    answer = JsonResponse(award.claims, json_dumps_params={"ensure_ascii": False, "indent": 2})
    answer.headers["Content-Type"] = "application/json; charset=utf-8"
    return answer


@never_cache
@require_safe
def certificate(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The credential on paper, with a code that leads to its proof."""
    award, _onlooker = _find(request, public_id)
    return _file(award, printing.print_award(award), "application/pdf", "pdf")


@never_cache
@require_safe
def badge_png(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The badge as a picture that carries the signed credential."""
    award, _onlooker = _find(request, public_id)
    return _file(award, baking.bake_png(award), "image/png", "png")


@never_cache
@require_safe
def badge_svg(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The same as a drawing."""
    award, _onlooker = _find(request, public_id)
    return _file(award, baking.bake_svg(award), "image/svg+xml", "svg")


@never_cache
@require_http_methods(["GET", "POST"])
def share(request: HttpRequest) -> HttpResponse:
    """The learner makes a link that shows some of their awards for a time."""
    user = _learner(request)
    standing = list(selectors.standing_awards(user)[:200])
    form = ShareForm(
        request.POST if request.method == "POST" else None,
        awards=standing,
        initial={"awards": request.GET.getlist("award")},
    )
    error = ""
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        try:
            _share, secret = awards.create_share(
                actor=user,
                awards=[uuid.UUID(each) for each in chosen["awards"]],
                days=chosen["days"],
                label=chosen["label"],
            )
        except DomainError as refused:
            error = _share_error(refused)
        else:
            request.session[NEW_LINK] = secret
            return redirect(reverse("portfolio") + "#new-link")
    status = 409 if error else 422 if form.errors else 200
    context = {"form": form, "error": error, "any": bool(standing)}
    return render(request, "catalogue/portfolio_share.html", context, status=status)


@require_POST
def share_end(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The learner takes a link back."""
    try:
        awards.revoke_share(actor=_user(request), public_id=public_id)
    except DomainError:
        raise Http404 from None
    messages.success(request, _("The link shows nothing any more."))
    return redirect("portfolio")


@never_cache
@require_safe
def issued(request: HttpRequest) -> HttpResponse:
    """The awards that the person's provider gave, or all for the agency; 404 for everybody else."""
    found = selectors.awards_to_manage(_user(request))
    if found is None:
        raise Http404
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "catalogue/awards.html", {"page": page, "cards": [card(award) for award in page]})


@never_cache
@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The provider or the agency takes an award back, for a reason."""
    award, _onlooker = _find(request, public_id)
    if not permissions.provider_or_authority(award, _user(request)):
        raise Http404
    form = RevokeForm(request.POST if request.method == "POST" else None)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            awards.revoke_award(
                actor=_user(request),
                award_id=award.pk,
                reason=form.cleaned_data["reason"],
                note=form.cleaned_data["note"],
            )
        except DomainError as refused:
            error = _("It was revoked already.") if refused.code == "not_allowed" else str(refused)
        else:
            messages.success(request, _("The award is revoked. Whoever verifies it is told so from now on."))
            return redirect("award", public_id=public_id)
    status = 409 if error else 422 if form.errors else 200
    context = {"award": award, "said": describe(award.claims), "form": form, "error": error}
    return render(request, "catalogue/award_revoke.html", context, status=status)


def _share_error(refused: DomainError) -> str:
    if refused.code == "too_many":
        return _("You have as many open links as there may be. End one of them first.")
    return _("One of these awards can no longer be shared. Choose again.")


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


def _learner(request: HttpRequest) -> User:
    user = _user(request)
    if not Citizen.objects.filter(user=user).exists():
        raise Http404
    return user


def _find(request: HttpRequest, public_id: uuid.UUID) -> tuple[Award, Onlooker]:
    found = selectors.find(_user(request), public_id)
    if found is None:
        raise Http404
    return found


def _file(award: Award, content: str | bytes, media_type: str, suffix: str) -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{_file_name(award)}.{suffix}"'
    return response


def _file_name(award: Award) -> str:
    return slugify(award.micro_credential.title)[:60] or "credential"


def _absolute(name: str, **values: object) -> str:
    return f"{settings.SITE_ADDRESS}{reverse(name, kwargs=values)}"
