"""A learner's documents in one list, the ones asked for and handed in, and asking for them."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Citizen, User
from accounts.services import delivery
from catalogue.models import Award
from funding import papers
from funding.learner_forms import AskDocumentForm, DocumentForm
from funding.models import Booking, CertificateFile, LearnerDocument, Reader, Statement
from funding.selectors.bookings import standing_of, visible_bookings
from funding.sentences import sentence
from funding.services import learner_documents
from ila.core.downloads import kept_file
from ila.core.errors import DomainError

PER_PAGE = 20


@never_cache
@require_safe
def document_list(request: HttpRequest) -> HttpResponse:
    """What was asked for, then everything to take away, each kind in pages of its own. 404 for who is no citizen."""
    user = cast("User", request.user)
    citizen = get_object_or_404(Citizen, user=user)
    asked = LearnerDocument.objects.filter(citizen=citizen).select_related(
        "booking__credential", "booking__provider"
    )
    receipts = Booking.objects.filter(
        account__citizen=citizen, consent__sign_in__isnull=False
    ).select_related("credential", "consent", "account__scheme")
    awards = (
        Award.objects.filter(citizen=citizen).select_related("micro_credential", "provider").defer("token")
    )
    statements = Statement.objects.filter(account__citizen=citizen).select_related("account__scheme")
    files = CertificateFile.objects.filter(certificate__booking__account__citizen=citizen).select_related(
        "certificate__booking__credential", "certificate__booking__provider"
    )
    letters = cast("Any", _page(request, delivery.letters_to(user), "l"))
    context = {
        "files": _page(request, files.order_by("-certificate__recorded_at", "-pk"), "c"),
        "letters": letters,
        "letters_read": [delivery.letter_of(each) for each in letters],
        "wanted": list(
            asked.filter(handed_in_at=None, withdrawn_at=None).order_by("asked_at", "pk")[:PER_PAGE]
        ),
        "handed_in": _page(
            request, asked.filter(handed_in_at__isnull=False).order_by("-handed_in_at", "-pk"), "d"
        ),
        "receipts": _page(request, receipts.order_by("-accepted_at", "-pk"), "r"),
        "awards": _page(request, awards.order_by("-issued_at", "-pk"), "a"),
        "statements": _page(request, statements.order_by("-last_day", "-pk"), "s"),
    }
    return render(request, "accounts/documents.html", context)


@never_cache
@require_safe
def letter(request: HttpRequest, pk: int) -> HttpResponse:
    """A mail that was written to this citizen, to be read again. 404 for everybody else."""
    user = cast("User", request.user)
    get_object_or_404(Citizen, user=user)
    message = get_object_or_404(delivery.letters_to(user), pk=pk)
    return render(request, "accounts/letter.html", {"letter": delivery.letter_of(message)})


@never_cache
@require_http_methods(["GET", "POST"])
def document_hand_in(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Hand in what was asked for, knowing who reads it. 404 for everybody but the learner."""
    user = cast("User", request.user)
    document = get_object_or_404(
        LearnerDocument.objects.select_related("booking__provider", "booking__credential"),
        public_id=public_id,
        citizen__user=user,
    )
    if document.handed_in_at is not None or document.withdrawn_at is not None:
        if request.method == "POST":
            messages.error(request, _("This was handed in already, or is not wanted any more."))
        return redirect("learner_documents")
    sent = request.method == "POST"
    form = DocumentForm(request.POST, request.FILES) if sent else DocumentForm()
    if sent and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            learner_documents.hand_in(actor=user, public_id=public_id, name=file.name, content=file.read())
        except DomainError as refused:
            form.add_error("file", sentence(refused))
        else:
            messages.success(request, _("Handed in. Whoever asked for it is told."))
            return redirect("learner_documents")
    context = {"document": document, "form": form, "reader": reader_name(document)}
    return render(request, "accounts/document_hand_in.html", context, status=422 if form.errors else 200)


@never_cache
@require_safe
def document_file(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The file as an attachment: for its learner and for who asked for it; 404 for everybody else."""
    found = learner_documents.visible(cast("User", request.user))
    document = get_object_or_404(found.distinct(), public_id=public_id, handed_in_at__isnull=False)
    try:
        content = papers.document(document)
    except DomainError as error:
        raise Http404 from error
    return kept_file(content, media_type=document.media_type, name=document.name)


@never_cache
@require_http_methods(["GET", "POST"])
def documents_of_booking(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """For the provider or the agency: what was asked of a booking's learner, and asking. 404 for everybody else."""
    user = cast("User", request.user)
    booking = get_object_or_404(
        visible_bookings(standing_of(user)).select_related(
            "credential", "provider", "account__citizen", "account__scheme"
        ),
        public_id=public_id,
    )
    reader = learner_documents.reader_of(user, booking)
    if reader is None:
        raise Http404
    form = AskDocumentForm(request.POST if request.method == "POST" else None)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            learner_documents.ask_document(
                actor=user, booking_id=booking.pk, asked=form.cleaned_data["asked"]
            )
        except DomainError as refused:
            error = sentence(refused)
        else:
            messages.success(request, _("Asked. The learner is told by e-mail."))
            return redirect("booking_documents", public_id=public_id)
    rows = LearnerDocument.objects.filter(booking=booking, reader=reader).order_by("-asked_at", "-pk")
    context = {"booking": booking, "form": form, "error": error, "page": _page(request, rows, "page")}
    status = 409 if error else 422 if form.errors else 200
    return render(request, "accounts/booking_documents.html", context, status=status)


@require_POST
def document_withdraw(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """It is not wanted any more."""
    try:
        document = learner_documents.withdraw(actor=cast("User", request.user), public_id=public_id)
    except DomainError as refused:
        raise Http404 from refused
    assert document.booking is not None
    messages.success(request, _("Taken back. The learner need not hand it in."))
    return redirect("booking_documents", public_id=document.booking.public_id)


def reader_name(document: LearnerDocument) -> str:
    """Who reads what is handed in, in words."""
    if document.reader == Reader.PROVIDER and document.booking is not None:
        return str(document.booking.provider)
    return _("the agency")


def _page(request: HttpRequest, rows: object, name: str) -> object:
    return Paginator(rows, PER_PAGE).get_page(request.GET.get(name))  # type: ignore[arg-type]
