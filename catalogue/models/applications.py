"""A provider's application for accreditation: what it tells about itself, in steps that are saved one by one."""

import uuid
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from catalogue.models.accreditations import Accreditation, AccreditationState
from catalogue.models.listing_claims import ListingClaim
from catalogue.models.providers import Provider
from ila.core import clock

MAX_CENTS = 10**15


class PayeeAnswer(models.TextChoices):
    """What a bank says of a name beside an account (Verification of Payee)."""

    MATCH = "match", "Match"
    CLOSE_MATCH = "close_match", "Close match"
    NO_MATCH = "no_match", "No match"
    NOT_POSSIBLE = "not_possible", "Not possible"


class ApplicationKind(models.TextChoices):
    """What an organisation applies for."""

    ACCREDITATION = "accreditation", "Accreditation"
    CLAIM = "claim", "Claim of a listing"


class Application(models.Model):
    """What an organisation tells about itself to be accredited, or to be known as who a register has listed.

    It is a draft as long as it has neither accreditation nor claim; from the submission on, its state is theirs.
    turnover_cents: of the last year, all activities. subcontracts: null until answered. flags: what a person has to
    look at, found at the submission. waiting_since: when a question was put that is not answered yet: the term of
    the decision stands still until then. inadmissible: refused because the file was not complete, so that a new
    one needs no waiting.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="applications"
    )
    kind = models.CharField(max_length=15, choices=ApplicationKind, default=ApplicationKind.ACCREDITATION)
    started_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, null=True, blank=True, related_name="applications"
    )
    accreditation = models.OneToOneField(
        Accreditation, on_delete=models.PROTECT, null=True, blank=True, related_name="application"
    )
    claim = models.OneToOneField(
        ListingClaim, on_delete=models.PROTECT, null=True, blank=True, related_name="application"
    )
    register = models.CharField(max_length=20, blank=True)
    number = models.CharField(max_length=200, blank=True, db_collation="C")
    country = models.CharField(max_length=2, blank=True)
    legal_name = models.CharField(max_length=300, blank=True)
    trade_name = models.CharField(max_length=300, blank=True)
    website = models.URLField(max_length=500, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    turnover_cents = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    account_holder = models.CharField(max_length=140, blank=True)
    iban = models.CharField(max_length=34, blank=True)
    payee_answer = models.CharField(max_length=20, choices=PayeeAnswer, blank=True)
    payee_name = models.CharField(max_length=140, blank=True)
    payee_asked_at = models.DateTimeField(null=True, blank=True)
    subcontracts = models.BooleanField(null=True, blank=True)
    declared_at = models.DateTimeField(null=True, blank=True)
    declared_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    steps_done = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    flags = models.JSONField(default=list, blank=True)
    admissibility_due_at = models.DateTimeField(null=True, blank=True)
    decision_due_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField(null=True, blank=True)
    inadmissible = models.BooleanField(default=False)
    recommendation = models.CharField(
        max_length=10, blank=True, choices=[("accredit", "Accredit"), ("refuse", "Refuse")]
    )
    recommendation_reason = models.TextField(blank=True)
    recommended_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    recommended_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.TextField(blank=True)
    overdue_told_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(accreditation__isnull=True, claim__isnull=True)
                | Q(
                    provider__isnull=False, admissibility_due_at__isnull=False, decision_due_at__isnull=False
                ),
                name="application_submitted_has_its_terms",
            ),
            models.CheckConstraint(
                condition=Q(turnover_cents__isnull=True) | Q(turnover_cents__range=(0, MAX_CENTS)),
                name="application_turnover_in_range",
            ),
            models.CheckConstraint(
                condition=Q(recommendation="")
                | Q(recommended_by__isnull=False, recommended_at__isnull=False),
                name="application_recommendation_has_its_author",
            ),
            models.CheckConstraint(
                condition=Q(kind="claim", accreditation__isnull=True)
                | Q(kind="accreditation", claim__isnull=True),
                name="application_is_of_its_kind",
            ),
            models.UniqueConstraint(
                fields=["organisation", "kind"],
                condition=Q(accreditation__isnull=True, claim__isnull=True),
                name="application_one_draft_per_organisation",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["organisation", "-created_at"], name="application_of_organisation"),
            models.Index(fields=["decision_due_at"], name="application_due"),
        ]

    def __str__(self) -> str:
        return f"application {self.public_id}"

    @property
    def case(self) -> Accreditation | ListingClaim | None:
        """What is decided: the accreditation or the claim; None before the submission."""
        return self.accreditation or self.claim

    @property
    def state(self) -> str:
        """The state of what is decided; a draft before there is anything to decide."""
        case = self.case
        return AccreditationState.DRAFT if case is None else str(case.state)

    @property
    def is_claim(self) -> bool:
        """Whether it claims a listing that there is."""
        return self.kind == ApplicationKind.CLAIM

    @property
    def is_draft(self) -> bool:
        """Whether its organisation may still change it."""
        return self.accreditation_id is None and self.claim_id is None


class PersonRole(models.TextChoices):
    """What a person is to an organisation that applies."""

    DIRECTOR = "director", "Director"
    OWNER = "owner", "Owner"


class ApplicationPerson(models.Model):
    """A director or owner. share_percent: of the capital; null for who holds none."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="persons")
    role = models.CharField(max_length=10, choices=PersonRole)
    full_name = models.CharField(max_length=200)
    birth_date = models.DateField()
    share_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(share_percent__isnull=True) | Q(share_percent__gt=0, share_percent__lte=100),
                name="applicationperson_share_1_to_100",
            ),
            models.CheckConstraint(
                condition=~Q(role="owner") | Q(share_percent__isnull=False),
                name="applicationperson_owner_has_share",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} of application {self.application_id}"


class Establishment(models.Model):
    """Where an applicant works. The head office comes first."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="establishments")
    name = models.CharField(max_length=200, blank=True)
    street = models.CharField(max_length=300)
    postcode = models.CharField(max_length=20)
    city = models.CharField(max_length=100)
    country = models.CharField(max_length=2)
    accessible = models.BooleanField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.postcode} {self.city}"


class PartnerKind(models.TextChoices):
    """Who works for an applicant without being part of it."""

    SUBCONTRACTOR = "subcontractor", "Subcontractor"
    AGENT = "agent", "Agent"


class Partner(models.Model):
    """An agent or subcontractor, declared (F-35): written contract, no cascade, never a delisted provider.

    amount_cents: what it is paid in a year.
    """

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="partners")
    kind = models.CharField(max_length=15, choices=PartnerKind)
    name = models.CharField(max_length=300)
    number = models.CharField(max_length=200, db_collation="C")
    task = models.CharField(max_length=500)
    contract_signed_on = models.DateField()
    amount_cents = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(amount_cents__range=(0, MAX_CENTS)), name="partner_amount_in_range"
            ),
            models.UniqueConstraint(fields=["application", "kind", "number"], name="partner_declared_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Trainer(models.Model):
    """Who teaches, with what entitles them to. certified: holds the training certificate that the regime names."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="trainers")
    full_name = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    qualification = models.CharField(max_length=300)
    certified = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"trainer of application {self.application_id}"


class DocumentKind(models.TextChoices):
    """What a document proves."""

    REGISTRATION = "registration", "Proof of registration"
    QUALITY = "quality", "Quality certificate or audit report"
    ACCOUNTS = "accounts", "Last annual accounts"
    IDENTITY = "identity", "Identity of a director"
    CONTRACT = "contract", "Contract with a subcontractor or agent"
    TRAINER = "trainer", "Qualification of a trainer"
    OTHER = "other", "Something else"


class Document(models.Model):
    """A file that was handed in: checked by its content, kept by its hash, never shown in a page.

    A document taken back before the submission is forgotten here; its file stays where others have handed it in too.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="documents")
    kind = models.CharField(max_length=20, choices=DocumentKind)
    name = models.CharField(max_length=150)
    media_type = models.CharField(max_length=50)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["application", "kind", "sha256"], name="document_handed_in_once"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["sha256"], name="document_sha256")]

    def __str__(self) -> str:
        return self.name


class Question(models.Model):
    """What the authority asks about an application, and what the applicant answers."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="questions")
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    text = models.TextField()
    answered_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    answer = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answered_by__isnull=True, answer="")
                | (Q(answered_at__isnull=False, answered_by__isnull=False) & ~Q(answer="")),
                name="question_answer_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True) | Q(answered_at__gte=F("asked_at")),
                name="question_answered_after_asked",
            ),
        ]

    def __str__(self) -> str:
        return f"question {self.pk} about application {self.application_id}"


class CheckOutcome(models.TextChoices):
    """What a case worker found of one point of the checklist."""

    MET = "met", "Met"
    NOT_MET = "not_met", "Not met"
    NOT_APPLICABLE = "not_applicable", "Does not apply"


class ChecklistMark(models.Model):
    """One point of the regime's checklist, looked at."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="marks")
    point = models.CharField(max_length=30)
    outcome = models.CharField(max_length=15, choices=CheckOutcome)
    note = models.CharField(max_length=500, blank=True)
    marked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    marked_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["application", "point"], name="checklistmark_once_per_point"),
            models.CheckConstraint(
                condition=~Q(outcome="not_met") | ~Q(note=""), name="checklistmark_not_met_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.point}: {self.outcome}"
