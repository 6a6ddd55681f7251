"""National e-identities: whose they are, what each sign-in proved, and the claims that a clerk decides."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from accounts.models.citizens import Citizen
from accounts.models.consents import SignIn
from accounts.models.erasable import WrittenOnceModel, written_once_triggers
from ila.core import clock, fsm
from ila.core.models import READ_WRITE, AppendOnlyModel

INDEX_CHARS = 96
OPEN_STATES = ("opened", "questioned", "proposed")


class Level(models.TextChoices):
    """How surely a provider proved the person: eIDAS, or weak and strong where it says no more."""

    WEAK = "weak", "Weak"
    LOW = "low", "Low"
    SUBSTANTIAL = "substantial", "Substantial"
    STRONG = "strong", "Strong"
    HIGH = "high", "High"


STRONG_LEVELS = frozenset({Level.SUBSTANTIAL, Level.STRONG, Level.HIGH})


class Identity(models.Model):
    """An e-identity that signs a user in. The provider's name for the person is kept as a keyed hash only."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="identities")
    provider = models.CharField(max_length=40)
    issuer = models.CharField(max_length=300)
    subject_index = models.CharField(max_length=INDEX_CHARS)
    linked_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["issuer", "subject_index"], name="identity_subject_once"),
        ]

    def __str__(self) -> str:
        return f"e-identity {self.pk}"


class IdentityProof(WrittenOnceModel):
    """What the provider said of one sign-in: the class of assurance in its own words, its level, and when."""

    sign_in = models.OneToOneField(SignIn, on_delete=models.PROTECT, related_name="proof")
    identity = models.ForeignKey(Identity, on_delete=models.PROTECT, related_name="proofs")
    acr = models.CharField(max_length=200)
    level = models.CharField(max_length=12, choices=Level)
    authenticated_at = models.DateTimeField()

    class Meta(WrittenOnceModel.Meta):
        triggers: ClassVar[list[Any]] = written_once_triggers(
            "SELECT user_id FROM accounts_identity WHERE id = OLD.identity_id"
        )

    def __str__(self) -> str:
        return f"proof {self.pk} ({self.level})"


class CitizenMark(models.Model):
    """A fact that tells a citizen from others of the same name: kept as a keyed hash, to be compared, not read.

    kind: `national_id:<country>.<kind>`, `birth_place`, `email`, `postcode`.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE")
    NATIONAL_ID = "national_id:"

    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="marks")
    kind = models.CharField(max_length=40)
    index = models.CharField(max_length=INDEX_CHARS)
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["citizen", "kind", "index"], name="citizenmark_once"),
            models.UniqueConstraint(
                fields=["kind", "index"],
                condition=Q(kind__startswith="national_id:"),
                name="citizenmark_national_id_of_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of citizen {self.citizen_id}"


class IdentityClaimLog(fsm.TransitionLog):
    """What happened to a claim."""

    subject = models.ForeignKey("accounts.IdentityClaim", on_delete=models.PROTECT, related_name="log")


class ClaimReason(models.TextChoices):
    """Why a clerk decides."""

    SAME_NAME = "same_name", "Several people of this name and birth date"
    UNCONFIRMED = "unconfirmed", "Same name and birth date, nothing else in common"
    NEAR_MATCH = "near_match", "A similar name or birth date"
    ALREADY_CLAIMED = "already_claimed", "The learning account has a sign-in already"
    PARTIAL_DATE = "partial_date", "The birth date is not known in full"
    CONTRADICTION = "contradiction", "The national number and the birth date do not agree"


class IdentityClaim(fsm.Machine):
    """A proved person whose learning account a clerk has to find: matched, made anew, or refused.

    birth_date: as the provider gave it, month and day 00 where they are not known. Nothing of the candidates
    is told to the person meanwhile.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = READ_WRITE
    log_model: ClassVar[type[fsm.TransitionLog]] = IdentityClaimLog

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="identity_claims"
    )
    identity = models.ForeignKey(Identity, on_delete=models.PROTECT, related_name="claims")
    state = FSMField(default="opened", protected=True)
    reason = models.CharField(max_length=20, choices=ClaimReason)
    given_name = models.CharField(max_length=100)
    family_name = models.CharField(max_length=100)
    birth_date = models.CharField(max_length=10)
    marks = models.JSONField(default=dict, blank=True)
    question = models.CharField(max_length=500, blank=True)
    answer = models.CharField(max_length=2000, blank=True)
    citizen = models.ForeignKey(
        Citizen, on_delete=models.PROTECT, null=True, blank=True, related_name="identity_claims"
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    opened_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("accounts_identityclaimlog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(state__in=[*OPEN_STATES, "matched", "created", "refused"]),
                name="identityclaim_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_STATES, decided_at__isnull=True)
                | Q(
                    state__in=["matched", "created", "refused"],
                    decided_at__isnull=False,
                    decided_by__isnull=False,
                ),
                name="identityclaim_decided_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["proposed", "matched", "created"]) | Q(citizen__isnull=False),
                name="identityclaim_found_has_its_citizen",
            ),
            models.CheckConstraint(
                condition=Q(proposed_by__isnull=True)
                | Q(decided_by__isnull=True)
                | ~Q(proposed_by=F("decided_by")),
                name="identityclaim_four_eyes",
            ),
            models.UniqueConstraint(
                fields=["user"], condition=Q(state__in=OPEN_STATES), name="identityclaim_one_open"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["opened_at"], condition=Q(state__in=OPEN_STATES), name="identityclaim_queue"
            ),
        ]

    def __str__(self) -> str:
        return f"claim {self.public_id}"

    @transition(field=state, source="opened", target="questioned")
    def ask(self, *, question: str) -> None:
        self.question, self.answer = question, ""

    @transition(field=state, source="questioned", target="opened")
    def give_answer(self, *, answer: str) -> None:
        self.answer = answer

    @transition(field=state, source="opened", target="proposed")
    def propose(self, *, citizen: Citizen, proposer: Any) -> None:
        self.citizen, self.proposed_by = citizen, proposer

    @transition(field=state, source="proposed", target="opened")
    def send_back(self) -> None:
        self.citizen, self.proposed_by = None, None

    @transition(field=state, source="opened", target="matched")
    def match(self, *, citizen: Citizen, decider: Any) -> None:
        self.citizen = citizen
        self._decide(decider)

    @transition(field=state, source="proposed", target="matched")
    def confirm(self, *, decider: Any) -> None:
        self._decide(decider)

    @transition(field=state, source="opened", target="created")
    def create(self, *, citizen: Citizen, decider: Any) -> None:
        self.citizen = citizen
        self._decide(decider)

    @transition(field=state, source=["opened", "questioned"], target="refused")
    def refuse(self, *, decider: Any) -> None:
        self._decide(decider)

    def _decide(self, decider: Any) -> None:
        self.decided_by, self.decided_at = decider, clock.now()


class ClaimCandidate(AppendOnlyModel):
    """A citizen that a claim may mean. agreement: facts that both sides know, and whether they are the same."""

    claim = models.ForeignKey(IdentityClaim, on_delete=models.PROTECT, related_name="candidates")
    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="+")
    likeness = models.PositiveSmallIntegerField()
    agreement = models.JSONField(default=dict)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["claim", "citizen"], name="claimcandidate_once"),
        ]

    def __str__(self) -> str:
        return f"candidate {self.pk}"


class OpenFact(models.Model):
    """A fact that rules ask for and that nobody has established yet: the citizen came by e-identity alone."""

    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="open_facts")
    fact = models.CharField(max_length=40)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["citizen", "fact"], name="openfact_once"),
        ]

    def __str__(self) -> str:
        return f"{self.fact} of citizen {self.citizen_id}"
