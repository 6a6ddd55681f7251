"""What learners and those beside them put on a learner's account: suggestions, documents, corrections, an account."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Citizen, Delegation, SignIn
from catalogue.models import MicroCredential, Session
from ila.core import clock


class Suggestion(models.Model):
    """A counsellor points a learner to a training, or to one of its sessions; the learner asks for a place, or not."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (dismissed_at)", "DELETE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    delegation = models.ForeignKey(Delegation, on_delete=models.PROTECT, related_name="suggestions")
    credential = models.ForeignKey(MicroCredential, on_delete=models.PROTECT, related_name="+")
    session = models.ForeignKey(Session, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    made_at = models.DateTimeField(default=clock.now)
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["delegation", "-made_at"],
                condition=Q(dismissed_at__isnull=True),
                name="suggestion_shown",
            )
        ]

    def __str__(self) -> str:
        return f"suggestion {self.public_id}"


class Reader(models.TextChoices):
    """Who asked for a document, and so who reads it beside its learner."""

    AGENCY = "agency", "The agency"
    PROVIDER = "provider", "The provider"


class LearnerDocument(models.Model):
    """A document that the agency or the provider of a booking asked a learner for, and the file handed in.

    asked: what is wanted, in the words of who asked. sha256: the file in the documents' store, after its checks.
    withdrawn_at: it is not wanted any more.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="documents")
    booking = models.ForeignKey(
        "funding.Booking", on_delete=models.PROTECT, null=True, blank=True, related_name="documents"
    )
    reader = models.CharField(max_length=10, choices=Reader)
    asked = models.CharField(max_length=300)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    name = models.CharField(max_length=120, blank=True)
    media_type = models.CharField(max_length=40, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveIntegerField(default=0)
    handed_in_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(reader__in=Reader.values), name="learnerdocument_reader_known"
            ),
            models.CheckConstraint(
                condition=Q(reader="agency") | Q(booking__isnull=False),
                name="learnerdocument_provider_has_a_booking",
            ),
            models.CheckConstraint(
                condition=Q(handed_in_at__isnull=True, sha256="")
                | (Q(handed_in_at__isnull=False) & ~Q(sha256="")),
                name="learnerdocument_handed_in_is_there",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["citizen", "-asked_at"], name="learnerdocument_of_citizen")
        ]

    def __str__(self) -> str:
        return f"document {self.public_id}"


class CorrectionState(models.TextChoices):
    """How a request for a correction stands."""

    ASKED = "asked", "To be looked at"
    CORRECTED = "corrected", "Corrected"
    REFUSED = "refused", "Refused"
    TAKEN_BACK = "taken_back", "Taken back"


class CorrectionRequest(models.Model):
    """A citizen says that a fact about them is wrong, with a document that shows it; a case worker decides.

    fact: its name, or `name` for what the e-identity said. says: what it should be, in the citizen's words.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="correction_requests")
    fact = models.CharField(max_length=40)
    says = models.CharField(max_length=300)
    document = models.OneToOneField(
        LearnerDocument, on_delete=models.PROTECT, null=True, blank=True, related_name="correction"
    )
    state = models.CharField(max_length=12, choices=CorrectionState, default=CorrectionState.ASKED)
    asked_at = models.DateTimeField(default=clock.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(state__in=CorrectionState.values), name="correctionrequest_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="asked", decided_at__isnull=True)
                | (~Q(state="asked") & Q(decided_at__isnull=False, decided_by__isnull=False)),
                name="correctionrequest_decided_has_its_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="refused") | ~Q(answer=""), name="correctionrequest_refused_has_its_reason"
            ),
            models.UniqueConstraint(
                fields=["citizen", "fact"], condition=Q(state="asked"), name="correctionrequest_one_open"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["asked_at"], condition=Q(state="asked"), name="correctionrequest_queue")
        ]

    def __str__(self) -> str:
        return f"correction {self.public_id}"


class RefundAccount(models.Model):
    """The bank account to which a learner's own money comes back; an earlier one stays, ended, as evidence.

    entered_under: the strong sign-in of its owner at that moment.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (ended_at, iban, holder)")

    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="refund_accounts")
    iban = models.CharField(max_length=34)
    holder = models.CharField(max_length=70)
    entered_at = models.DateTimeField(default=clock.now)
    entered_under = models.ForeignKey(SignIn, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["citizen"], condition=Q(ended_at__isnull=True), name="refundaccount_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"refund account {self.pk}"
