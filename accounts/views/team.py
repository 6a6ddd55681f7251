"""Who acts for an organisation: members with their roles, invitations, and what changed; the same for every kind."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import team_words
from accounts.models import Invitation, MembershipChange, Organisation, User
from accounts.services import memberships
from ila.core import clock
from ila.core.errors import DomainError

PER_PAGE = 25
CHANGES = 20


class InviteForm(forms.Form):
    """Who is asked, and as what."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"))
    role = forms.ChoiceField(label=gettext_lazy("Role"), widget=forms.RadioSelect)

    def __init__(self, data: Any, *, kind: str) -> None:
        super().__init__(data)
        cast("forms.ChoiceField", self.fields["role"]).choices = role_choices(kind)


def role_choices(kind: str) -> list[tuple[str, str]]:
    """The roles of an organisation of a kind, with what each may do."""
    return [
        (str(role), f"{team_words.ROLES[role]}: {team_words.MAY[kind][role]}")
        for role in memberships.ROLES[kind]
    ]


@never_cache
@require_safe
def teams(request: HttpRequest) -> HttpResponse:
    """The organisations one acts for; who acts for one alone goes straight to its team."""
    found = list(_own(request).order_by("name", "pk"))
    if len(found) == 1:
        return redirect("team", found[0].public_id)
    return render(request, "account/teams.html", {"organisations": found})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def team(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Members, invitations and what changed; a manager invites. 404 for who does not act for the organisation."""
    organisation = _organisation(request, public_id)
    user = cast("User", request.user)
    form = InviteForm(request.POST if request.method == "POST" else None, kind=organisation.kind)
    error, status = "", 200
    if request.method == "POST":
        if not form.is_valid():
            status = 422
        else:
            try:
                memberships.invite_member(actor=user, organisation=organisation, **form.cleaned_data)
            except DomainError as refused:
                error, status = _sentence(refused), refused.status
            else:
                # The same answer whoever it is: nobody learns who signs in here.
                messages.success(request, _("Asked. They get a mail with a link that works for 14 days."))
                return redirect("team", organisation.public_id)
    return _page(request, organisation, form=form, error=error, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def member(request: HttpRequest, public_id: uuid.UUID, membership_id: int) -> HttpResponse:
    """One member: another role, or the end of it, after asking."""
    organisation = _organisation(request, public_id)
    user = cast("User", request.user)
    found = memberships.standing(organisation).filter(pk=membership_id).first()
    manages = memberships.manages(organisation, user)
    if found is None or not (manages or found.user_id == user.pk):
        raise Http404
    error, status = "", 200
    if request.method == "POST":
        ends = "end" in request.POST
        try:
            if ends:
                memberships.end_membership(actor=user, organisation=organisation, membership_id=found.pk)
            else:
                memberships.change_role(
                    actor=user,
                    organisation=organisation,
                    membership_id=found.pk,
                    role=request.POST.get("role", ""),
                )
        except DomainError as refused:
            error, status = _sentence(refused), refused.status
        else:
            said = _("They no longer act for the organisation.") if ends else _("The role is changed.")
            own = ends and found.user_id == user.pk
            messages.success(request, _("You no longer act for the organisation.") if own else said)
            return redirect("start") if own else redirect("team", organisation.public_id)
    context = {
        "organisation": organisation,
        "member": found,
        "own": found.user_id == user.pk,
        "manages": manages,
        "roles": role_choices(organisation.kind),
        "error": error,
        "error_target": "end",
    }
    return render(request, "account/team_member.html", context, status=status)


@never_cache
@require_POST
def withdraw(request: HttpRequest, public_id: uuid.UUID, invitation_id: uuid.UUID) -> HttpResponse:
    """Take an invitation back."""
    organisation = _organisation(request, public_id)
    try:
        memberships.withdraw_invitation(
            actor=cast("User", request.user), organisation=organisation, public_id=invitation_id
        )
    except DomainError as refused:
        messages.error(request, _sentence(refused))
    else:
        messages.success(request, _("The invitation is taken back: its link no longer works."))
    return redirect("team", organisation.public_id)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The person asked says yes, signed in with the address that was asked. 404 for a token that nobody made."""
    invitation = memberships.find_invitation(token)
    if invitation is None:
        raise Http404
    user = cast("User", request.user)
    error, status = "", 200
    if request.method == "POST":
        try:
            memberships.accept_invitation(actor=user, token=token)
        except DomainError as refused:
            error, status = _sentence(refused), refused.status
        else:
            messages.success(request, _("You now act for %(name)s.") % {"name": invitation.organisation.name})
            return redirect("team", invitation.organisation.public_id)
    own = memberships.may_accept(invitation, user)
    context = {
        # Whose address it is not learns nothing of the invitation.
        "organisation": invitation.organisation if own else None,
        "role": team_words.ROLES.get(invitation.role, ""),
        "may": team_words.MAY[invitation.organisation.kind].get(invitation.role, ""),
        "open": memberships.is_open(invitation),
        "own": own,
        "error": error,
    }
    return render(request, "account/team_join.html", context, status=status)


def _own(request: HttpRequest) -> Any:
    user = cast("User", request.user)
    held = user.memberships.filter(ended_at__isnull=True)
    return Organisation.objects.filter(pk__in=held.values("organisation"))


def _organisation(request: HttpRequest, public_id: uuid.UUID) -> Organisation:
    found = _own(request).filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return cast("Organisation", found)


def _sentence(refused: DomainError) -> str:
    return team_words.refusal(refused.code, refused.params.get("reason"))


def _page(
    request: HttpRequest, organisation: Organisation, *, form: InviteForm, error: str, status: int
) -> HttpResponse:
    user = cast("User", request.user)
    manages = memberships.manages(organisation, user)
    page = Paginator(memberships.standing(organisation), PER_PAGE).get_page(request.GET.get("page"))
    invitations = Invitation.objects.filter(
        organisation=organisation,
        accepted_at__isnull=True,
        withdrawn_at__isnull=True,
        expires_at__gt=clock.now(),
    ).order_by("invited_at", "pk")
    changes = MembershipChange.objects.filter(organisation=organisation).select_related("user", "actor")
    context = {
        "organisation": organisation,
        "page": page,
        "members": [
            (each, team_words.ROLES[each.role], team_words.MAY[organisation.kind].get(each.role, ""))
            for each in page
        ],
        "manages": manages,
        "invitations": invitations if manages else [],
        "changes": [(each, team_words.STEPS[each.step]) for each in changes.order_by("-at", "-pk")[:CHANGES]]
        if manages
        else [],
        "form": form,
        "error": error,
        "error_target": "id_email",
        "here": user.pk,
    }
    return render(request, "account/team.html", context, status=status)
