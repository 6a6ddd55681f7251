"""The stand-in for a national e-identity: for demonstrations and tests, where no real one can be reached."""

from __future__ import annotations

from typing import cast

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import sessions
from accounts.forms import PasswordForm
from accounts.models import User
from accounts.models.consents import Assurance
from accounts.services import sign_ins


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def confirm_identity(request: HttpRequest) -> HttpResponse:
    """Prove once more who one is: the session then counts as a strong sign-in. 404 where that is not allowed."""
    if not settings.STAND_IN_IDENTITY:
        raise Http404
    target = _safe_target(request)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = cast("User", request.user)
        adapter = get_adapter(request)
        try:
            proved = adapter.authenticate(request, email=user.email, password=form.cleaned_data["password"])
        except ValidationError as error:
            form.add_error("password", error)
        else:
            if proved is not None and proved.pk == user.pk:
                request.session.cycle_key()
                sign_in = sign_ins.record_sign_in(
                    user=user,
                    method="stand-in e-identity",
                    assurance=Assurance.STRONG,
                    address=adapter.get_client_ip(request),
                    device=adapter.get_http_user_agent(request),
                )
                sessions.remember(request, sign_in)
                return HttpResponseRedirect(target)
            form.add_error("password", _("This is not your password. Try again."))
    status = 200 if not form.errors else 422
    return render(request, "account/identity.html", {"form": form, "next": target}, status=status)


def _safe_target(request: HttpRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return target
    return reverse("start")
