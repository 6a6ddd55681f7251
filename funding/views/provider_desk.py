"""What every page of a provider's work begins with: for whom one works, and what of it one may see."""

from __future__ import annotations

from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from accounts.models import User
from catalogue.models import Session
from funding.selectors.provider_work import Desk, desk_of, sessions_of


def desk(request: HttpRequest, *, managing: bool = False) -> Desk:
    """The visitor's desk. Raises: PermissionDenied for who works for no provider; managing: who manages none."""
    found = desk_of(cast("User", request.user))
    if not found.organisations or (managing and not found.manages):
        raise PermissionDenied
    return found


def own_session(request: HttpRequest, session_id: int) -> tuple[Desk, Session]:
    """A session of the visitor's provider. Raises: Http404 for everybody else, and for one that is not there."""
    found = desk_of(cast("User", request.user))
    session = (
        sessions_of(found)
        .select_related("micro_credential__provider", "offer", "seats")
        .filter(pk=session_id)
        .first()
    )
    if session is None:
        raise Http404
    return found, session


def zone_of(session: Session) -> str:
    """Where the session is taught."""
    return session.micro_credential.provider.time_zone


def about(session: Session) -> dict[str, Any]:
    """What the head of every page of a session shows."""
    return {"session": session, "entry": session.micro_credential, "zone": zone_of(session)}
