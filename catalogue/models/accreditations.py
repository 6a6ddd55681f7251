"""Who may train at public expense: a dated, suspendable decision of an authority."""

from datetime import date, datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from catalogue.models.micro_credentials import MicroCredential
from catalogue.models.outdated import listing_triggers
from catalogue.models.providers import Provider
from catalogue.permissions import applies_for, is_authority
from ila.core import clock
from ila.core.fsm import Machine, TransitionLog, state_guard


class AccreditationState(models.TextChoices):
    """The states of an accreditation."""

    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    IN_REVIEW = "in_review", "In review"
    ACCREDITED = "accredited", "Accredited"
    REFUSED = "refused", "Refused"
    SUSPENDED = "suspended", "Suspended"
    EXPIRED = "expired", "Expired"
    WITHDRAWN = "withdrawn", "Withdrawn"


S = AccreditationState
LIVE_STATES = (S.DRAFT, S.SUBMITTED, S.IN_REVIEW, S.ACCREDITED, S.SUSPENDED)


class Accreditation(Machine):
    """An authority's decision on one provider or one micro-credential.

    valid_from, valid_until: days at the provider's place, both included; null: always, without end.
    reference: the authority's own number, which need not be unique. grade: the authority's mark of the provider,
    1 the best, where the regime has one (S-17).
    """

    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, null=True, blank=True, related_name="accreditations"
    )
    micro_credential = models.ForeignKey(
        MicroCredential, on_delete=models.PROTECT, null=True, blank=True, related_name="accreditations"
    )
    authority = models.CharField(max_length=200)
    reference = models.CharField(max_length=200, blank=True)
    conditions = models.TextField(blank=True)
    grade = models.PositiveSmallIntegerField(null=True, blank=True)
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)
    state = FSMField(default=S.DRAFT, choices=S.choices, protected=True, max_length=20)
    created_at = models.DateTimeField(default=clock.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    review_started_at = models.DateTimeField(null=True, blank=True)
    accredited_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    expired_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(provider__isnull=False, micro_credential__isnull=True)
                | Q(provider__isnull=True, micro_credential__isnull=False),
                name="accreditation_one_scope",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_until__isnull=True)
                | Q(valid_from__lte=F("valid_until")),
                name="accreditation_period_in_order",
            ),
            models.UniqueConstraint(
                fields=["provider", "authority"],
                condition=Q(provider__isnull=False, state__in=LIVE_STATES),
                name="accreditation_one_live_per_provider",
            ),
            models.UniqueConstraint(
                fields=["micro_credential", "authority"],
                condition=Q(micro_credential__isnull=False, state__in=LIVE_STATES),
                name="accreditation_one_live_per_credential",
            ),
            models.CheckConstraint(
                condition=Q(grade__isnull=True) | Q(grade__range=(1, 3)), name="accreditation_grade_1_to_3"
            ),
            *(
                models.CheckConstraint(
                    condition=~Q(state=state) | Q(**{f"{stamp}__isnull": False}),
                    name=f"accreditation_{state.value}_has_its_time",
                )
                for state, stamp in (
                    (S.SUBMITTED, "submitted_at"),
                    (S.IN_REVIEW, "review_started_at"),
                    (S.ACCREDITED, "accredited_at"),
                    (S.REFUSED, "refused_at"),
                    (S.SUSPENDED, "suspended_at"),
                    (S.EXPIRED, "expired_at"),
                    (S.WITHDRAWN, "withdrawn_at"),
                )
            ),
            models.CheckConstraint(
                condition=~Q(state=S.ACCREDITED) | Q(suspended_at__isnull=True),
                name="accreditation_accredited_is_not_suspended",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["provider", "state"], name="accreditation_of_provider"),
            models.Index(fields=["micro_credential", "state"], name="accreditation_of_credential"),
            models.Index(
                fields=["valid_until"],
                condition=Q(state=S.ACCREDITED, valid_until__isnull=False),
                name="accreditation_ending",
            ),
        ]
        triggers: ClassVar[list[Any]] = [
            state_guard("catalogue_accreditationlog"),
            *listing_triggers(
                "SELECT entry.id FROM catalogue_microcredential AS entry"
                " WHERE entry.provider_id IN (SELECT provider_id FROM {rows})"
                " OR entry.id IN (SELECT micro_credential_id FROM {rows})"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority}: {self.state}"

    @transition(field=state, source=S.DRAFT, target=S.SUBMITTED, permission=applies_for)
    def submit(self, *, at: datetime) -> None:
        """The applicant hands the application in."""
        self.submitted_at = at

    @transition(field=state, source=S.SUBMITTED, target=S.IN_REVIEW, permission=is_authority)
    def review(self, *, at: datetime) -> None:
        """The authority takes the application up."""
        self.review_started_at = at

    @transition(field=state, source=S.IN_REVIEW, target=S.ACCREDITED, permission=is_authority)
    def accredit(self, *, at: datetime, valid_from: date | None, valid_until: date | None) -> None:
        """The authority grants it for a period."""
        self.accredited_at = at
        self.valid_from = valid_from
        self.valid_until = valid_until

    @transition(field=state, source=S.IN_REVIEW, target=S.REFUSED, permission=is_authority)
    def refuse(self, *, at: datetime) -> None:
        """The authority refuses it."""
        self.refused_at = at

    @transition(field=state, source=S.ACCREDITED, target=S.SUSPENDED, permission=is_authority)
    def suspend(self, *, at: datetime) -> None:
        """From this moment nothing is accepted or started under it."""
        self.suspended_at = at

    @transition(field=state, source=S.SUSPENDED, target=S.ACCREDITED, permission=is_authority)
    def resume(self, *, at: datetime) -> None:
        """The suspension ends."""
        self.suspended_at = None
        self.accredited_at = self.accredited_at or at

    @transition(field=state, source=S.ACCREDITED, target=S.EXPIRED, permission=is_authority)
    def expire(self, *, at: datetime) -> None:
        """Its last day has passed."""
        self.expired_at = at

    @transition(field=state, source=[S.ACCREDITED, S.SUSPENDED], target=S.WITHDRAWN, permission=is_authority)
    def withdraw(self, *, at: datetime) -> None:
        """The authority takes it away."""
        self.withdrawn_at = at


class AccreditationLog(TransitionLog):
    """Who moved an accreditation, when and why."""

    subject = models.ForeignKey(Accreditation, on_delete=models.PROTECT, related_name="log")

    class Meta(TransitionLog.Meta):
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["subject", "at", "id"], name="accreditationlog_at")
        ]


Accreditation.log_model = AccreditationLog
