"""Erasing people who ask for it (GDPR Art. 17): after a time to think it over, all but what the law obliges to keep."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import personal_registry as registry
from accounts.models import ErasureRequest, Message, NotMeKind, SignIn, User
from accounts.personal_data import forget_citizen
from accounts.services import consents, messages
from ila.core import clock
from ila.core.errors import DomainError

log = structlog.get_logger(__name__)


def open_requests() -> QuerySet[ErasureRequest]:
    """Requests that wait for their time."""
    return ErasureRequest.objects.filter(
        withdrawn_at__isnull=True, stopped_at__isnull=True, erased_at__isnull=True
    )


@transaction.atomic
def ask_erasure(*, actor: User, sign_in: SignIn | None) -> ErasureRequest:
    """Ask to be erased; it is carried out after ERASURE_COOLING_DAYS, until then it can be taken back. Told by mail.

    Locks: the user. Raises: DomainError `sign_in_too_old` without a fresh strong sign-in, `cannot_be_erased` with what
    is in the way, as codes.
    """
    if not actor.is_active or actor.is_service:
        raise DomainError("not_allowed", status=403)
    if sign_in is None or sign_in.user_id != actor.pk or consents.needs_strong_sign_in(sign_in):
        raise DomainError("sign_in_too_old", status=403, minutes=settings.CONSENT_SIGN_IN_MINUTES)
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    if in_the_way := registry.obstacles(actor):
        raise DomainError("cannot_be_erased", status=409, obstacles=in_the_way)
    now = clock.now()
    try:
        with transaction.atomic():
            made = ErasureRequest.objects.create(
                user=actor, asked_at=now, due_at=now + timedelta(days=settings.ERASURE_COOLING_DAYS)
            )
    except IntegrityError:
        return open_requests().get(user=actor)
    messages.queue(
        recipient=actor,
        template="erasure_asked",
        due=made.due_at.date().isoformat(),
        **messages.not_me(NotMeKind.CONTACT),
    )
    return made


@transaction.atomic
def take_back(*, actor: User, public_id: UUID) -> ErasureRequest:
    """Undo one's request before it is carried out; again, it changes nothing.

    Locks: the request. Raises: DomainError `not_found` (404) for everybody else, `not_allowed` once it was carried out.
    """
    found = ErasureRequest.objects.select_for_update(no_key=True).filter(public_id=public_id, user=actor)
    request = found.first()
    if request is None:
        raise DomainError("not_found", status=404, kind="erasure")
    if request.started_at is not None:
        raise DomainError("not_allowed", status=409, what="take_back")
    if request.is_open:
        request.withdrawn_at = clock.now()
        request.save(update_fields=["withdrawn_at"])
    return request


def carry_out_due() -> dict[str, int]:
    """Carry out what is due, each in a transaction of its own; then let go of names that need not be kept any more.

    What came in the way meanwhile stops a request, and its person is told. Returns how many of each.
    """
    erased = stopped = 0
    due = open_requests().filter(due_at__lte=clock.now()).order_by("due_at", "pk")
    for pk in list(due.values_list("pk", flat=True)):
        outcome = _carry_out(pk)
        erased += outcome == "erased"
        stopped += outcome == "stopped"
    # The last mail told that it was done: what it says, and to which address, goes after it.
    letters = Message.objects.filter(
        recipient__erasures__erased_at__isnull=False, template="erasure_done", sent_at__isnull=False
    )
    letters.delete()
    return {"erased": erased, "stopped": stopped, "closed": _let_go()}


@transaction.atomic
def _carry_out(pk: int) -> str:
    request = open_requests().select_for_update(no_key=True, of=("self",)).filter(pk=pk).first()
    if request is None or request.due_at > clock.now():
        return ""
    user = User.objects.select_for_update(no_key=True).get(pk=request.user_id)
    address, now = user.email, clock.now()
    if in_the_way := registry.obstacles(user):
        request.stopped_at, request.stopped = now, in_the_way[0]
        request.save(update_fields=["stopped_at", "stopped"])
        messages.queue(recipient=user, template="erasure_stopped")
        return "stopped"
    until = registry.kept_until(user)
    request.started_at = now
    request.save(update_fields=["started_at"])
    counts = {table.file: table.erase(user) for table in registry.tables() if table.erase is not None}
    if until is None:
        counts["person"] = forget_citizen(user)
    request.counts = {name: count for name, count in counts.items() if count}
    request.erased_at, request.kept_until = now, until
    request.closed_at = now if until is None else None
    request.save(update_fields=["counts", "erased_at", "kept_until", "closed_at"])
    messages.queue(
        recipient=user,
        address=address,
        template="erasure_done",
        until=until.isoformat() if until is not None else "",
    )
    log.info("person_erased", erasure=str(request.public_id), rows=sum(counts.values()))
    return "erased"


def _let_go() -> int:
    closed = 0
    over = ErasureRequest.objects.filter(
        erased_at__isnull=False, closed_at__isnull=True, kept_until__lt=clock.now().date()
    )
    for pk in list(over.values_list("pk", flat=True)):
        with transaction.atomic():
            request = ErasureRequest.objects.select_for_update(no_key=True).select_related(None).get(pk=pk)
            if request.closed_at is None:
                forget_citizen(User.objects.get(pk=request.user_id))
                request.closed_at = clock.now()
                request.save(update_fields=["closed_at"])
                closed += 1
    return closed
