"""The file of a case: everything that happened in it, in order, each record sealed to the one before."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ila.core import clock
from ila.core.models import AppendOnlyModel, append_only_triggers, never_removed_triggers


class RecordKind(models.TextChoices):
    """What a record of the file is."""

    OPENED = "opened", "Case opened"
    ALERT = "alert", "Alert"
    STATE = "state", "Step of the case"
    NOTE = "note", "Note"
    QUESTION = "question", "Question"
    ANSWER = "answer", "Answer"
    SURVEY = "survey", "Survey of a learner"
    SURVEY_ANSWER = "survey_answer", "Answer of a learner"
    FINDING = "finding", "Finding on a booking"
    DOCUMENT = "document", "Document"
    LETTER = "letter", "Letter"
    DECISION = "decision", "Decision"
    MEASURE = "measure", "Measure"
    EFFECT = "effect", "Effect of a measure"
    RIGHTS = "rights", "Rights of a learner restored"
    DOSSIER = "dossier", "Dossier made"


class CaseRecord(AppendOnlyModel):
    """One record of a case's file, numbered from 1 without gaps.

    hash: SHA-256 of number, kind, time, actor, text, data and the hash before: a changed, missing or inserted record
    is found.
    """

    case = models.ForeignKey("fraud.Case", on_delete=models.PROTECT, related_name="records")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=RecordKind)
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["case", "number"], name="caserecord_numbered_once"),
            models.CheckConstraint(condition=Q(kind__in=RecordKind.values), name="caserecord_kind_known"),
            models.CheckConstraint(
                condition=Q(number=1, previous_hash="") | (Q(number__gt=1) & ~Q(previous_hash="")),
                name="caserecord_follows_another",
            ),
        ]

    def __str__(self) -> str:
        return f"record {self.number} of case {self.case_id}"


class CaseQuestion(models.Model):
    """What the provider of a case is asked, until when, and what it answers."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    case = models.ForeignKey("fraud.Case", on_delete=models.PROTECT, related_name="questions")
    text = models.TextField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = never_removed_triggers()
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(text=""), name="casequestion_asks_something"),
            models.CheckConstraint(condition=Q(due_at__gt=F("asked_at")), name="casequestion_gives_time"),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answered_by__isnull=True, answer="")
                | (Q(answered_at__isnull=False, answered_by__isnull=False) & ~Q(answer="")),
                name="casequestion_answered_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"question {self.public_id}"


class SurveyAnswer(models.TextChoices):
    """What a learner says of a booking: the words of the facts."""

    CONFIRMED = "confirmed", "I signed up and was taught"
    DENIED = "denied", "I did not sign up"
    NOT_TAUGHT = "not_taught", "I signed up, but was not taught"
    OTHER = "other", "Something else"


class LearnerSurvey(models.Model):
    """Two questions to the learner of a booking: did you sign up, were you taught? An answer is evidence.

    case: the case that it was asked for; null for the random control.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    booking = models.ForeignKey("funding.Booking", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(
        "fraud.Case", on_delete=models.PROTECT, null=True, blank=True, related_name="surveys"
    )
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField(default=clock.now)
    closes_at = models.DateTimeField()
    answer = models.CharField(max_length=12, choices=SurveyAnswer, blank=True)
    said = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(answer="", answered_at__isnull=True)
                | (Q(answered_at__isnull=False) & Q(answer__in=SurveyAnswer.values)),
                name="learnersurvey_answered_has_its_time",
            ),
            models.UniqueConstraint(
                fields=["booking"], condition=Q(answer=""), name="learnersurvey_one_open"
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["booking"], name="learnersurvey_of_booking")]

    def __str__(self) -> str:
        return f"survey {self.public_id}"


class LetterKind(models.TextChoices):
    """Letters of a case."""

    HOLD = "hold", "Payments are held"
    QUESTION = "question", "Question"
    NOTICE = "notice", "Notice of a measure"
    HEARING = "hearing", "Hearing after an urgent measure"
    DECISION = "decision", "Decision"
    LIFTED = "lifted", "A measure ends"
    APPEAL = "appeal", "Decision on an appeal"
    APOLOGY = "apology", "Apology"


class Letter(AppendOnlyModel):
    """A letter as it was sent, in both languages of the templates. Its recipient reads it on a page, told by mail."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    case = models.ForeignKey("fraud.Case", on_delete=models.PROTECT, related_name="letters")
    measure = models.ForeignKey(
        "fraud.Measure", on_delete=models.PROTECT, null=True, blank=True, related_name="letters"
    )
    kind = models.CharField(max_length=20, choices=LetterKind)
    provider = models.ForeignKey("catalogue.Provider", on_delete=models.PROTECT, related_name="+")
    addressee = models.CharField(max_length=300)
    subjects = models.JSONField(default=dict, help_text="By language.")
    bodies = models.JSONField(default=dict, help_text="By language.")
    answer_due_at = models.DateTimeField(null=True, blank=True)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        triggers: ClassVar[list[Any]] = append_only_triggers()
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["provider", "-sent_at"], name="letter_of_provider")
        ]

    def __str__(self) -> str:
        return f"letter {self.public_id}"


class CaseDocument(AppendOnlyModel):
    """A file that somebody put into a case, kept as it came."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    case = models.ForeignKey("fraud.Case", on_delete=models.PROTECT, related_name="documents")
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["case", "sha256"], name="casedocument_once")
        ]

    def __str__(self) -> str:
        return f"document {self.public_id}"
