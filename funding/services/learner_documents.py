"""Documents that the agency or a provider asks a learner for, and the files handed in for them."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import Membership, User
from accounts.services import messages
from catalogue import documents
from funding import permissions
from funding.models import Booking, LearnerDocument, Reader
from ila.core import clock
from ila.core.errors import DomainError

MAX_ASKED = 300
# Open requests of one booking: a learner is not to be buried in them.
MAX_OPEN = 10


def reader_of(actor: User, booking: Booking) -> Reader | None:
    """As whom a person may ask the learner of a booking for a document; None for everybody else."""
    if permissions.acts_for_provider(booking, actor):
        return Reader.PROVIDER
    if not actor.is_service and permissions.acts_for_funder(booking, actor):
        return Reader.AGENCY
    return None


@transaction.atomic
def ask_document(*, actor: User, booking_id: int, asked: str) -> LearnerDocument:
    """Ask the learner of a booking for a document; they are told by mail, and see who will read it.

    Raises: DomainError `not_found` (404) for who has nothing to do with the booking, `incomplete` without words,
    `too_many` while ten of the booking are open.
    """
    booking = (
        Booking.objects.select_related("account__citizen__user", "provider").filter(pk=booking_id).first()
    )
    reader = reader_of(actor, booking) if booking is not None else None
    if booking is None or reader is None:
        raise DomainError("not_found", status=404, kind="booking")
    if not asked.strip() or len(asked) > MAX_ASKED:
        raise DomainError("incomplete", status=422, what="asked")
    still_open = LearnerDocument.objects.filter(
        booking=booking, handed_in_at__isnull=True, withdrawn_at__isnull=True
    )
    if still_open.count() >= MAX_OPEN:
        raise DomainError("too_many", status=409)
    made = LearnerDocument.objects.create(
        citizen=booking.account.citizen,
        booking=booking,
        reader=reader,
        asked=asked.strip(),
        asked_by=actor,
        asked_at=clock.now(),
    )
    messages.queue(recipient=booking.account.citizen.user, template="document_wanted", asked=made.asked)
    return made


@transaction.atomic
def hand_in(*, actor: User, public_id: UUID, name: str, content: bytes) -> LearnerDocument:
    """Hand in the file that was asked for, once; it is refused or kept by what it is, not by its name.

    Locks: the document. Raises: DomainError `not_found` (404) for everybody but the learner, `bad_file`,
    `already_answered` when it was handed in or is not wanted any more.
    """
    found = LearnerDocument.objects.select_for_update(no_key=True).filter(
        public_id=public_id, citizen__user=actor
    )
    document = found.first()
    if document is None:
        raise DomainError("not_found", status=404, kind="document")
    if document.handed_in_at is not None or document.withdrawn_at is not None:
        raise DomainError("already_answered", status=409)
    _keep(document, name, content)
    messages.queue(
        recipient=document.asked_by,
        template="document_handed_in",
        asked=document.asked,
        booking=str(document.booking.public_id) if document.booking else "",
    )
    return document


def keep_with(document: LearnerDocument, name: str, content: bytes) -> None:
    """Put a file into a document that its learner hands in by themselves. Raises: DomainError `bad_file`."""
    _keep(document, name, content)


@transaction.atomic
def withdraw(*, actor: User, public_id: UUID) -> LearnerDocument:
    """Whoever reads it says that it is not wanted any more. Raises: DomainError `not_found` (404) for others."""
    document = (
        LearnerDocument.objects.select_related("booking__provider")
        .select_for_update(of=("self",), no_key=True)
        .filter(public_id=public_id, booking__isnull=False)
        .first()
    )
    if document is None or document.booking is None or reader_of(actor, document.booking) != document.reader:
        raise DomainError("not_found", status=404, kind="document")
    if document.handed_in_at is None and document.withdrawn_at is None:
        document.withdrawn_at = clock.now()
        document.save(update_fields=["withdrawn_at"])
    return document


def visible(user: User) -> QuerySet[LearnerDocument]:
    """Documents handed in that this person may read: their own; the provider's that asked; the agency's."""
    own = Q(citizen__user_id=user.pk)
    mine = Membership.objects.filter(user_id=user.pk, ended_at__isnull=True).values("organisation")
    asked = Q(reader=Reader.PROVIDER, booking__provider__organisation__in=mine)
    found = own | asked
    if permissions.acts_for_funder(None, user):
        found |= Q(reader=Reader.AGENCY)
    return LearnerDocument.objects.filter(found)


def _keep(document: LearnerDocument, name: str, content: bytes) -> None:
    checked = documents.checked_file(name, content)
    documents.keep(checked)
    document.name, document.media_type, document.sha256 = checked.name, checked.media_type, checked.sha256
    document.size, document.handed_in_at = len(content), clock.now()
    document.save()
