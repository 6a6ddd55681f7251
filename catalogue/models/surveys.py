"""What completers say, and what became of them."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from accounts.models import Citizen
from catalogue.models.micro_credentials import MicroCredential
from catalogue.models.providers import Provider
from ila.core import clock
from ila.core.models import AppendOnlyModel


class SurveyKind(models.TextChoices):
    """When a survey is asked (S-15)."""

    END = "end", "At the end"
    OUTCOME = "outcome", "Six months later"


class SurveyInvitation(models.Model):
    """A question to one who completed a micro-credential: asked once for each, whatever else they book.

    public_id: part of the link in the mail, 122 random bits. source: what proved the completion, by a number known
    to whoever asked (a booking's public id). due_at: not mailed before; expires_at: no answer from then on.
    closed_at: since when it is known that the training was never completed: neither asked nor counted any more.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (sent_at, closed_at)")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=SurveyKind)
    source = models.UUIDField()
    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="survey_invitations")
    micro_credential = models.ForeignKey(
        MicroCredential, on_delete=models.PROTECT, related_name="survey_invitations"
    )
    created_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["micro_credential", "citizen", "kind"], name="surveyinvitation_once_per_person"
            ),
            models.UniqueConstraint(fields=["source", "kind"], name="surveyinvitation_once_per_source"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("due_at")), name="surveyinvitation_ends_after_it_is_due"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["due_at"], condition=Q(sent_at=None), name="surveyinvitation_to_send")
        ]

    def __str__(self) -> str:
        return f"invitation {self.public_id}"


class Situation(models.TextChoices):
    """Where a completer stands six months later."""

    SAME_JOB = "same_job", "In the same job"
    NEW_JOB = "new_job", "In another job"
    PROMOTED = "promoted", "In a better position"
    SELF_EMPLOYED = "self_employed", "Self-employed"
    LEARNING = "learning", "In further training"
    SEEKING = "seeking", "Looking for work"
    OTHER = "other", "Something else"


RATING = Q(rating__range=(1, 5))


class SurveyAnswer(AppendOnlyModel):
    """An answer, given once. Ratings are 1 (poor) to 5 (very good); what was not answered is null.

    rating: of the whole. teaching: at the end. useful, situation: six months later.
    """

    invitation = models.OneToOneField(SurveyInvitation, on_delete=models.PROTECT, related_name="answer")
    rating = models.PositiveSmallIntegerField()
    teaching = models.PositiveSmallIntegerField(null=True, blank=True)
    useful = models.PositiveSmallIntegerField(null=True, blank=True)
    recommends = models.BooleanField(null=True, blank=True)
    situation = models.CharField(max_length=20, choices=Situation, blank=True)
    answered_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=RATING, name="surveyanswer_rating_1_to_5"),
            models.CheckConstraint(
                condition=Q(teaching=None) | Q(teaching__range=(1, 5)), name="surveyanswer_teaching_1_to_5"
            ),
            models.CheckConstraint(
                condition=Q(useful=None) | Q(useful__range=(1, 5)), name="surveyanswer_useful_1_to_5"
            ),
        ]

    def __str__(self) -> str:
        return f"answer to {self.invitation_id}"


class SurveyResult(AppendOnlyModel):
    """What is published of an entry's answers, until the next one: at least five more than the one before it.

    answers: how many it is made of. figures: of each question, how many answered and what they said together.
    """

    micro_credential = models.ForeignKey(
        MicroCredential, on_delete=models.PROTECT, related_name="survey_results"
    )
    kind = models.CharField(max_length=10, choices=SurveyKind)
    answers = models.PositiveIntegerField()
    figures = models.JSONField()
    published_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["micro_credential", "kind", "answers"], name="surveyresult_once"),
            models.CheckConstraint(condition=Q(answers__gte=5), name="surveyresult_of_five_or_more"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} results of entry {self.micro_credential_id}"


class EmploymentOutcome(models.Model):
    """What became of a provider's completers in one field, as the authority counted it so many quarters later.

    code: CIP, six digits. Shares are between 0 and 1; wage_cents: average of a quarter. Null: not reported.
    completed, with_wage, with_retention: how many people each figure rests on. as_of: the day the figures are of.
    """

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="outcomes")
    code = models.CharField(max_length=30)
    quarters = models.PositiveSmallIntegerField()
    employed = models.DecimalField(max_digits=6, decimal_places=4, null=True, blank=True)
    retained = models.DecimalField(max_digits=6, decimal_places=4, null=True, blank=True)
    wage_cents = models.BigIntegerField(null=True, blank=True)
    completed = models.PositiveIntegerField()
    with_wage = models.PositiveIntegerField()
    with_retention = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    as_of = models.DateField()
    imported_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["provider", "code", "quarters"], name="employmentoutcome_once"),
            models.CheckConstraint(
                condition=Q(employed=None) | Q(employed__range=(0, 1)),
                name="employmentoutcome_employed_share",
            ),
            models.CheckConstraint(
                condition=Q(retained=None) | Q(retained__range=(0, 1)),
                name="employmentoutcome_retained_share",
            ),
        ]

    def __str__(self) -> str:
        return f"outcomes of provider {self.provider_id} in {self.code} after {self.quarters} quarters"
