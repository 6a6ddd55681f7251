"""Cases: what looks wrong with a provider, who looks into it, what was decided by whom."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django_fsm import GET_STATE, FSMField, transition

from fraud.permissions import may_decide, may_investigate, may_reopen, may_sort, works_on
from ila.core import clock
from ila.core.fsm import Machine, TransitionLog, state_guard
from ila.core.models import never_removed_triggers


class CaseState(models.TextChoices):
    """States of a case (FRAUD)."""

    DRAFT = "draft", "Draft"
    TRIAGE = "triage", "To be assigned"
    ASSIGNED = "assigned", "Assigned"
    INVESTIGATING = "investigating", "Being investigated"
    WAITING_EVIDENCE = "waiting_evidence", "Waiting for evidence"
    DECISION_PROPOSED = "decision_proposed", "Decision proposed"
    CONFIRMED_FRAUD = "confirmed_fraud", "Fraud confirmed"
    IRREGULARITY = "irregularity", "Irregularity"
    REFUTED = "refuted", "Refuted"
    INCONCLUSIVE = "inconclusive", "Inconclusive"
    ENFORCEMENT = "enforcement", "Being carried out"
    CLOSED = "closed", "Closed"
    REOPEN_PENDING = "reopen_pending", "To be opened again"


class Typology(models.TextChoices):
    """Kinds of misuse (FRAUD), and the random control."""

    ENROLMENT_WITHOUT_CONSENT = "enrolment_without_consent", "Enrolment without consent"
    ACCOUNT_TAKEOVER = "account_takeover", "Account takeover"
    GHOST_LEARNERS = "ghost_learners", "Ghost learners"
    NON_DELIVERY = "non_delivery", "Non-delivery"
    SHELL_NETWORK = "shell_network", "Network of shell companies"
    RECORD_PADDING = "record_padding", "Padded records"
    PRICE_ABUSE = "price_abuse", "Price abuse"
    KICKBACK_RING = "kickback_ring", "Kickbacks"
    CONTROL = "control", "Random control"


S = CaseState
OUTCOMES = (S.CONFIRMED_FRAUD, S.IRREGULARITY, S.REFUTED, S.INCONCLUSIVE)
# Outcomes after which a provider may be asked for something.
AT_FAULT = (S.CONFIRMED_FRAUD, S.IRREGULARITY)
UNDER_INVESTIGATION = (S.ASSIGNED, S.INVESTIGATING, S.WAITING_EVIDENCE, S.DECISION_PROPOSED)
_WITH_INVESTIGATOR = (*UNDER_INVESTIGATION, *OUTCOMES, S.ENFORCEMENT, S.CLOSED, S.REOPEN_PENDING)
_DECIDED = (*OUTCOMES, S.ENFORCEMENT, S.CLOSED, S.REOPEN_PENDING)


class CaseLog(TransitionLog):
    """What happened to a case, by whom, why."""

    subject = models.ForeignKey("fraud.Case", on_delete=models.PROTECT, related_name="log")


class Case(Machine):
    """What looks wrong with one provider in one way; one open case per provider and typology.

    score, reasons: what detection said last. amount_cents: public money of the bookings concerned. control: drawn at
    random, not by its score. queued_on: the week's queue that it came from. rule_author_ids: who wrote the parameters
    of the rules that led to it. decided_by is neither investigator, nor proposed_by, nor one of these.
    """

    log_model: ClassVar[type[TransitionLog]] = CaseLog
    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.ForeignKey("catalogue.Provider", on_delete=models.PROTECT, related_name="+")
    typology = models.CharField(max_length=30, choices=Typology)
    state = FSMField(default=S.DRAFT, choices=CaseState, protected=True, max_length=20)
    score = models.FloatField(default=0)
    reasons = models.JSONField(default=list, blank=True)
    amount_cents = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True)
    control = models.BooleanField(default=False)
    rule_author_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    opened_at = models.DateTimeField(default=clock.now)
    queued_on = models.DateField(null=True, blank=True)
    investigator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    assigned_at = models.DateTimeField(null=True, blank=True)
    waiting_until = models.DateTimeField(null=True, blank=True)
    proposed_outcome = models.CharField(
        max_length=20, blank=True, choices=[(s.value, s.label) for s in OUTCOMES]
    )
    proposal = models.TextField(blank=True)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True, choices=[(s.value, s.label) for s in OUTCOMES])
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    rights_restored_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    reopen_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        triggers: ClassVar[list[Any]] = [state_guard("fraud_caselog"), *never_removed_triggers()]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=CaseState.values), name="case_state_known"),
            models.CheckConstraint(condition=Q(typology__in=Typology.values), name="case_typology_known"),
            models.UniqueConstraint(
                fields=["provider", "typology"],
                condition=~Q(state=S.CLOSED),
                name="case_one_open_per_provider_and_typology",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=_WITH_INVESTIGATOR)
                | Q(investigator__isnull=False, assigned_at__isnull=False),
                name="case_worked_has_its_investigator",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.WAITING_EVIDENCE) | Q(waiting_until__isnull=False),
                name="case_waiting_has_its_end",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.DECISION_PROPOSED, *_DECIDED])
                | (
                    Q(proposed_by__isnull=False, proposed_at__isnull=False)
                    & ~Q(proposed_outcome="")
                    & ~Q(proposal="")
                ),
                name="case_proposed_says_what",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=_DECIDED)
                | (Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(outcome="")),
                name="case_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=OUTCOMES) | Q(state=F("outcome")), name="case_outcome_is_its_state"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True)
                | (~Q(decided_by=F("investigator")) & ~Q(decided_by=F("proposed_by"))),
                name="case_decided_by_another_person",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(rule_author_ids__contains=[F("decided_by")]),
                name="case_not_decided_by_the_rules_author",
            ),
            models.CheckConstraint(
                condition=Q(investigator__isnull=True) | ~Q(rule_author_ids__contains=[F("investigator")]),
                name="case_not_worked_by_the_rules_author",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.CLOSED) | Q(closed_at__isnull=False), name="case_closed_has_its_time"
            ),
            models.CheckConstraint(
                condition=~Q(state=S.REOPEN_PENDING) | Q(reopen_asked_by__isnull=False),
                name="case_reopening_was_asked",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["state", "-score"], name="case_by_state"),
            models.Index(fields=["investigator", "state"], name="case_of_investigator"),
            models.Index(fields=["provider", "-opened_at"], name="case_of_provider"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What people call it: `C-2026-00012`."""
        return f"C-{self.opened_at.year}-{self.pk or 0:05d}"

    @property
    def is_open(self) -> bool:
        """Whether it is not closed."""
        return bool(self.state != S.CLOSED)

    @transition(field=state, source=S.DRAFT, target=S.TRIAGE, permission=may_sort)
    def queue(self, *, on: Any, control: bool = False) -> None:
        """It is among those that there is time for, or was drawn at random."""
        self.queued_on, self.control = on, control

    @transition(field=state, source=S.TRIAGE, target=S.ASSIGNED, permission=may_investigate)
    def assign(self, *, investigator: Any) -> None:
        """One investigator has it."""
        self.investigator, self.assigned_at = investigator, clock.now()

    @transition(field=state, source=S.ASSIGNED, target=S.INVESTIGATING, permission=works_on)
    def investigate(self) -> None:
        """Its investigator has begun."""

    @transition(field=state, source=S.INVESTIGATING, target=S.WAITING_EVIDENCE, permission=works_on)
    def wait(self, *, until: datetime) -> None:
        """Somebody was asked, who has until that moment to answer."""
        self.waiting_until = until

    @transition(field=state, source=S.WAITING_EVIDENCE, target=S.INVESTIGATING)
    def take_up(self) -> None:
        """What was asked is answered, its time is over, or nobody waits any more."""
        self.waiting_until = None

    @transition(field=state, source=S.INVESTIGATING, target=S.DECISION_PROPOSED, permission=works_on)
    def propose(self, *, outcome: str, proposal: str, by: Any) -> None:
        """Its investigator says what the evidence comes to."""
        self.proposed_outcome, self.proposal = outcome, proposal
        self.proposed_by, self.proposed_at = by, clock.now()

    @transition(field=state, source=S.DECISION_PROPOSED, target=S.INVESTIGATING, permission=may_decide)
    def send_back(self) -> None:
        """Another person is not convinced."""
        self.proposed_outcome = self.proposal = ""
        self.proposed_by = self.proposed_at = None

    @transition(
        field=state,
        source=S.DECISION_PROPOSED,
        target=GET_STATE(lambda case, **_: case.outcome, states=[*OUTCOMES]),
        permission=may_decide,
    )
    def decide(self, *, by: Any) -> None:
        """Another person decides as was proposed."""
        self.outcome, self.decided_by, self.decided_at = self.proposed_outcome, by, clock.now()

    @transition(field=state, source=list(OUTCOMES), target=S.ENFORCEMENT, permission=may_investigate)
    def enforce(self) -> None:
        """What follows from the decision is carried out."""

    @transition(field=state, source=S.ENFORCEMENT, target=S.CLOSED, permission=may_investigate)
    def close(self) -> None:
        """All that follows is done."""
        self.closed_at = clock.now()

    @transition(field=state, source=S.CLOSED, target=S.REOPEN_PENDING, permission=may_investigate)
    def ask_reopening(self, *, by: Any) -> None:
        """Somebody has found a reason to look again."""
        self.reopen_asked_by = by

    @transition(field=state, source=S.REOPEN_PENDING, target=S.INVESTIGATING, permission=may_reopen)
    def reopen(self) -> None:
        """Another person agrees: it is investigated again, and decided anew."""
        # Whoever is found wronged now gets their rights first again.
        self.closed_at = self.reopen_asked_by = self.decided_by = self.decided_at = None
        self.rights_restored_at = None
        self.proposed_by = self.proposed_at = None
        self.outcome = self.proposed_outcome = self.proposal = ""

    @transition(field=state, source=S.REOPEN_PENDING, target=S.CLOSED, permission=may_reopen)
    def decline_reopening(self) -> None:
        """Another person sees no reason: it stays as it was decided."""
        self.reopen_asked_by = None


Case.log_model = CaseLog


class CaseBooking(models.Model):
    """A booking that a case is about, what was found of it, and how its learner got their rights back.

    found: what the investigator says of it; only what says that the learner was wronged restores rights.
    """

    class Found(models.TextChoices):
        UNKNOWN = "", "Not known"
        NO_CONSENT = "no_consent", "The learner did not consent"
        NOT_TAUGHT = "not_taught", "Nothing was taught"
        PADDED = "padded", "Less was taught than recorded"
        IN_ORDER = "in_order", "In order"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="bookings")
    booking = models.ForeignKey("funding.Booking", on_delete=models.PROTECT, related_name="+")
    found = models.CharField(max_length=20, choices=Found, default=Found.UNKNOWN, blank=True)
    found_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    added_at = models.DateTimeField(default=clock.now)
    restored_at = models.DateTimeField(null=True, blank=True)
    restored_by_way = models.CharField(max_length=30, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["case", "booking"], name="casebooking_once"),
            models.CheckConstraint(
                condition=Q(restored_at__isnull=True, restored_by_way="")
                | (Q(restored_at__isnull=False) & ~Q(restored_by_way="")),
                name="casebooking_restored_says_how",
            ),
        ]

    def __str__(self) -> str:
        return f"booking {self.booking_id} of case {self.case_id}"


class InvestigatorCapacity(models.Model):
    """How many new cases an investigator can take a week."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    cases_a_week = models.PositiveSmallIntegerField()
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.cases_a_week} a week for user {self.user_id}"
