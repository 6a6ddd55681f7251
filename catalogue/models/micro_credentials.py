"""What is learnt and certified."""

from datetime import date, datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django_fsm import FSMField, transition

from catalogue.models.outdated import listing_triggers
from catalogue.models.providers import Provider
from catalogue.permissions import acts_for_provider, is_authority, provider_or_authority
from ila.core import clock
from ila.core.fsm import Machine, TransitionLog, state_guard


class CredentialKind(models.TextChoices):
    """What a micro-credential is, as far as schemes make a difference."""

    RNCP = "rncp", "National qualification (RNCP)"
    RS = "rs", "Specific certification (RS)"
    CLEA = "clea", "CléA"
    SKILLS_ASSESSMENT = "skills_assessment", "Skills assessment"
    PRIOR_LEARNING = "prior_learning", "Recognition of prior learning"
    LIGHT_LICENCE = "light_licence", "Light driving licence"
    HEAVY_LICENCE = "heavy_licence", "Heavy driving licence"
    BUSINESS_CREATION = "business_creation", "Business creation"
    COURSE = "course", "Course"
    CURATED_COURSE = "curated_course", "Curated course"


class WorkloadScheme(models.TextChoices):
    """What a workload is counted in: never converted into one another without being told how."""

    ECTS = "ects", "ECTS credits"
    ECVET = "ecvet", "ECVET points"
    HOURS = "hours", "hours of learning"
    NATIONAL = "national", "national credits"


class CredentialState(models.TextChoices):
    """The states of a micro-credential in the register."""

    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    REGISTERED = "registered", "Registered"
    SUSPENDED = "suspended", "Suspended"
    DELISTED = "delisted", "Delisted"


S = CredentialState


class MicroCredential(Machine):
    """One entry of the catalogue: learning outcomes that a provider certifies.

    external_id: the provider's own number of it; entry: `<provider's id>/<external_id>`.
    price_cents: of the whole programme, where sessions do not carry prices of their own; else null.
    register_price_cents: the price that the scheme's register allows at most; null: none is known.
    hours: null when not specified. eqf_level: 1 to 8, null when not specified. isced_field: ISCED-F 2013, two
    to four digits, empty when not specified. digest: of all stored facts of the entry, its offers and sessions
    as they were last imported. facts: other words of the file, kept as they were.

    What an issued credential says beside that (EU recommendation 2022/C 243/02) is null when not specified, which
    is never the same as no. workload: the learner's effort, counted in workload_scheme.
    validity_months: how long an award of it is valid, null: without an end. skills: ESCO addresses.
    """

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="micro_credentials")
    external_id = models.CharField(max_length=500, db_collation="C")
    entry = models.CharField(max_length=710, db_collation="C")
    title = models.TextField()
    kind = models.CharField(max_length=20, choices=CredentialKind)
    code = models.CharField(max_length=30, blank=True)
    goals_html = models.TextField(blank=True)
    content_html = models.TextField(blank=True)
    language = models.CharField(max_length=10, blank=True)
    hours = models.DecimalField(max_digits=20, decimal_places=2, null=True, blank=True)
    eqf_level = models.PositiveSmallIntegerField(null=True, blank=True)
    isced_field = models.CharField(max_length=4, blank=True)
    publicly_funded = models.BooleanField(null=True, blank=True)
    has_prerequisites = models.BooleanField(null=True, blank=True)
    workload = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    workload_scheme = models.CharField(max_length=10, choices=WorkloadScheme, null=True, blank=True)
    national_level = models.CharField(max_length=60, null=True, blank=True)
    assessed = models.BooleanField(null=True, blank=True)
    assessment_type = models.CharField(max_length=200, null=True, blank=True)
    assessment_supervised = models.BooleanField(null=True, blank=True)
    identity_checked = models.BooleanField(null=True, blank=True)
    quality_assurance = models.CharField(max_length=300, null=True, blank=True)
    stackable = models.BooleanField(null=True, blank=True)
    validity_months = models.PositiveSmallIntegerField(null=True, blank=True)
    skills = models.JSONField(null=True, blank=True)
    more_information = models.URLField(max_length=500, null=True, blank=True)
    currency = models.CharField(max_length=3)
    price_cents = models.BigIntegerField(null=True, blank=True)
    register_price_cents = models.BigIntegerField(null=True, blank=True)
    total_mismatch = models.BooleanField(default=False)
    facts = models.JSONField(default=dict, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    search_text = models.TextField(blank=True, help_text="What it is found by: lower case, without accents.")
    state = FSMField(default=S.DRAFT, choices=S.choices, protected=True, max_length=20)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    registered_at = models.DateTimeField(null=True, blank=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_until = models.DateField(
        null=True, blank=True, help_text="The last day of the suspension, which then ends by itself."
    )
    delisted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["provider", "external_id"], name="microcredential_once_per_provider"
            ),
            models.CheckConstraint(
                condition=Q(price_cents__isnull=True) | Q(price_cents__gte=0),
                name="microcredential_price_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(register_price_cents__isnull=True) | Q(register_price_cents__gte=0),
                name="microcredential_register_price_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(hours__isnull=True) | Q(hours__gt=0), name="microcredential_hours_positive"
            ),
            models.CheckConstraint(
                condition=Q(eqf_level__isnull=True) | Q(eqf_level__range=(1, 8)),
                name="microcredential_eqf_level_1_to_8",
            ),
            models.CheckConstraint(
                condition=Q(workload__isnull=True, workload_scheme__isnull=True)
                | Q(workload__gt=0, workload_scheme__isnull=False),
                name="microcredential_workload_has_its_scheme",
            ),
            models.CheckConstraint(
                condition=Q(validity_months__isnull=True) | Q(validity_months__gte=1),
                name="microcredential_validity_positive",
            ),
            *(
                models.CheckConstraint(
                    condition=~Q(state=state) | Q(**{f"{stamp}__isnull": False}),
                    name=f"microcredential_{state.value}_has_its_time",
                )
                for state, stamp in (
                    (S.SUBMITTED, "submitted_at"),
                    (S.REGISTERED, "registered_at"),
                    (S.SUSPENDED, "suspended_at"),
                    (S.DELISTED, "delisted_at"),
                )
            ),
            models.CheckConstraint(
                condition=~Q(state=S.REGISTERED) | Q(suspended_at__isnull=True, delisted_at__isnull=True),
                name="microcredential_registered_is_in_force",
            ),
            models.CheckConstraint(
                condition=Q(suspended_until__isnull=True) | Q(state=S.SUSPENDED),
                name="microcredential_suspended_until_a_day",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["entry"], name="microcredential_entry"),
            models.Index(
                fields=["suspended_until"],
                condition=Q(suspended_until__isnull=False),
                name="microcredential_suspended",
            ),
        ]
        triggers: ClassVar[list[Any]] = [
            state_guard("catalogue_microcredentiallog"),
            *listing_triggers("SELECT DISTINCT id FROM {rows}"),
        ]

    def __str__(self) -> str:
        return self.title

    @transition(field=state, source=S.DRAFT, target=S.SUBMITTED, permission=acts_for_provider)
    def submit(self, *, at: datetime) -> None:
        """The provider asks for registration."""
        self.submitted_at = at

    @transition(field=state, source=S.SUBMITTED, target=S.DRAFT, permission=is_authority)
    def send_back(self, *, at: datetime) -> None:
        """The authority wants something changed first."""
        self.submitted_at = None
        self.updated_at = at

    @transition(field=state, source=S.SUBMITTED, target=S.REGISTERED, permission=is_authority)
    def register(self, *, at: datetime) -> None:
        """It enters the register and may be booked."""
        self.registered_at = at

    @transition(field=state, source=S.REGISTERED, target=S.SUSPENDED, permission=is_authority)
    def suspend(self, *, at: datetime, until: date | None = None) -> None:
        """From this moment nothing new is booked on it; after the last day, if one is given, it ends by itself."""
        self.suspended_at = at
        self.suspended_until = until

    @transition(field=state, source=S.SUSPENDED, target=S.REGISTERED, permission=is_authority)
    def resume(self, *, at: datetime) -> None:
        """The suspension ends."""
        self.suspended_at = self.suspended_until = None
        self.registered_at = self.registered_at or at

    @transition(
        field=state,
        source=[S.SUBMITTED, S.REGISTERED, S.SUSPENDED],
        target=S.DELISTED,
        permission=provider_or_authority,
    )
    def delist(self, *, at: datetime) -> None:
        """It leaves the register; live bookings go on."""
        self.delisted_at = at
        self.suspended_at = self.suspended_until = None

    @transition(field=state, source=S.DELISTED, target=S.REGISTERED, permission=is_authority)
    def relist(self, *, at: datetime) -> None:
        """Its provider lists it again: the same entry comes back."""
        self.delisted_at = None
        self.registered_at = at


class MicroCredentialLog(TransitionLog):
    """Who moved a micro-credential, when and why."""

    subject = models.ForeignKey(MicroCredential, on_delete=models.PROTECT, related_name="log")

    class Meta(TransitionLog.Meta):
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["subject", "at", "id"], name="microcredentiallog_at")
        ]


MicroCredential.log_model = MicroCredentialLog
