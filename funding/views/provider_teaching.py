"""A provider says who teaches a session, how many pay for themselves, and what they pay."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from catalogue.models import ProviderDetail, Session, SessionState
from catalogue.provider_forms import CentsField
from catalogue.services import teaching
from funding.sentences import sentence
from funding.views.provider_desk import about, own_session
from ila.core.errors import DomainError


class TeachingForm(forms.Form):
    """What is told of a session's teaching; what is left out is not known."""

    trainer_id = forms.TypedChoiceField(
        label=gettext_lazy("Who teaches"),
        help_text=gettext_lazy("Where several do: who is responsible for the session."),
        required=False,
        coerce=int,
        empty_value=None,
    )
    private_payers = forms.IntegerField(
        label=gettext_lazy("How many take part who pay themselves"),
        required=False,
        min_value=0,
        max_value=teaching.MOST_PAYERS,
    )
    private_price_cents = CentsField(
        label=gettext_lazy("What one of them pays"),
        help_text=gettext_lazy("For this session, all taxes included."),
        required=False,
        min_value=Decimal("0.01"),
    )

    def __init__(self, *args: Any, trainers: list[ProviderDetail], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["trainer_id"].choices = [  # type: ignore[attr-defined]
            ("", _("not told")),
            *((each.pk, str(each.facts["full_name"])) for each in trainers),
        ]


def is_tellable(session: Session) -> bool:
    """Whether there is any teaching to tell of."""
    return str(session.state) != SessionState.CANCELLED


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def session_teaching(request: HttpRequest, session_id: int) -> HttpResponse:
    """Tell it, or change it: what was told before is kept."""
    _desk, session = own_session(request, session_id)
    if not is_tellable(session):
        messages.info(request, _("The session was called off: nobody teaches it."))
        return redirect("provider_session", session.pk)
    trainers = list(teaching.trainers_of(session))
    before = teaching.teaching_of(session)
    names = ("trainer_id", "private_payers", "private_price_cents")
    form = TeachingForm(
        request.POST if request.method == "POST" else None,
        trainers=trainers,
        initial={name: getattr(before, name, None) for name in names},
    )
    if request.method == "POST" and form.is_valid():
        try:
            teaching.tell_teaching(
                actor=cast("User", request.user), session_id=session.pk, **form.cleaned_data
            )
        except DomainError as refused:
            # Somebody may have ended a trainer while the page was open.
            form.add_error("trainer_id", sentence(refused))
        else:
            messages.success(request, _("It is kept."))
            return redirect("provider_session", session.pk)
    context = {**about(session), "form": form, "trainers": trainers}
    return render(
        request, "funding/provider/session_teaching.html", context, status=422 if form.errors else 200
    )
