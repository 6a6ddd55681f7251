"""What a finished learner owns: signed credentials, the keys that sign them, and links that share them."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from accounts.models import Citizen
from catalogue.models.micro_credentials import MicroCredential
from catalogue.models.providers import Provider
from catalogue.permissions import provider_or_authority
from ila.core import clock
from ila.core.fsm import Machine, TransitionLog, state_guard
from ila.core.models import never_removed_triggers

# Bits of a status list: the least that the standard allows, so that nobody is found by their place in it.
STATUS_LIST_BITS = 131_072


class KeyState(models.TextChoices):
    """How a signing key stands."""

    ACTIVE = "active", "Signs"
    RETIRED = "retired", "Verifies what it has signed"
    DISTRUSTED = "distrusted", "Trusted no longer"


class SigningKey(models.Model):
    """A key that signs credentials. Its public half stays published after it has retired.

    name: its place under the platform's address; the header `kid` is that address.
    private_sealed: the private half, encrypted; gone once the key has retired.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = (
        "SELECT",
        "INSERT",
        "UPDATE (state, private_sealed, retired_at, distrusted_at)",
    )

    name = models.CharField(max_length=40, unique=True)
    public_jwk = models.JSONField()
    private_sealed = models.BinaryField(null=True, blank=True)
    state = models.CharField(max_length=20, choices=KeyState, default=KeyState.ACTIVE)
    created_at = models.DateTimeField(default=clock.now)
    retired_at = models.DateTimeField(null=True, blank=True)
    distrusted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = never_removed_triggers()
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state=KeyState.ACTIVE), name="signingkey_one_signs"
            ),
            models.CheckConstraint(
                condition=Q(state=KeyState.ACTIVE, private_sealed__isnull=False, retired_at__isnull=True)
                | Q(private_sealed__isnull=True, retired_at__isnull=False),
                name="signingkey_retired_has_no_secret",
            ),
            models.CheckConstraint(
                condition=Q(state=KeyState.DISTRUSTED, distrusted_at__isnull=False)
                | (~Q(state=KeyState.DISTRUSTED) & Q(distrusted_at__isnull=True)),
                name="signingkey_distrusted_has_its_time",
            ),
        ]

    def __str__(self) -> str:
        return f"signing key {self.name}"


class StatusList(models.Model):
    """The published list that says which awards of an issuer are revoked: one bit for each.

    used: places given away. The n-th award has place (n × step + offset) mod size, so that the places of
    one day's awards lie apart.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (used)")

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="status_lists")
    number = models.PositiveIntegerField()
    used = models.PositiveIntegerField(default=0)
    step = models.PositiveIntegerField()
    offset = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        triggers: ClassVar[list[Any]] = never_removed_triggers()
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["provider", "number"], name="statuslist_number_once"),
            models.CheckConstraint(condition=Q(used__lte=STATUS_LIST_BITS), name="statuslist_not_overfilled"),
        ]

    def __str__(self) -> str:
        return f"status list {self.provider_id}/{self.number}"


class AwardKind(models.TextChoices):
    """What an award says: that outcomes were shown in an assessment, or that somebody was there."""

    ACHIEVEMENT = "achievement", "Learning outcomes, assessed"
    ATTENDANCE = "attendance", "Attendance"


class AwardState(models.TextChoices):
    """The states of an award."""

    ISSUED = "issued", "Issued"
    REVOKED = "revoked", "Revoked"


class RevocationReason(models.TextChoices):
    """Why an award stands no longer."""

    ERROR = "error", "Issued in error"
    CORRECTED = "corrected", "Replaced by a corrected one"
    SUPERSEDED = "superseded", "Replaced by the award of the outcomes"
    UNDONE = "undone", "The training behind it was undone"
    FRAUD = "fraud", "Obtained by deceit"


S = AwardState


class Award(Machine):
    """A credential that its learner owns: an Open Badge 3.0, signed.

    source: what proved it, by a number known to whoever asked for it (a booking's public id).
    token: the credential as signed (compact JWS); claims: what it says, the same content as JSON.
    expires_at: the first moment at which it is no longer valid; null: never.
    status_index: its place in the status list.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.UUIDField()
    kind = models.CharField(max_length=20, choices=AwardKind)
    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="awards")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="awards")
    micro_credential = models.ForeignKey(MicroCredential, on_delete=models.PROTECT, related_name="awards")
    key = models.ForeignKey(SigningKey, on_delete=models.PROTECT, related_name="awards")
    status_list = models.ForeignKey(StatusList, on_delete=models.PROTECT, related_name="awards")
    status_index = models.PositiveIntegerField()
    claims = models.JSONField()
    token = models.TextField()
    issued_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    state = FSMField(default=S.ISSUED, choices=S.choices, protected=True, max_length=20)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revocation_reason = models.CharField(max_length=20, choices=RevocationReason, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["source"], condition=Q(state=S.ISSUED), name="award_one_stands_per_source"
            ),
            models.UniqueConstraint(fields=["status_list", "status_index"], name="award_status_place_once"),
            models.CheckConstraint(
                condition=Q(status_index__lt=STATUS_LIST_BITS), name="award_status_place_in_list"
            ),
            models.CheckConstraint(
                condition=Q(state=S.REVOKED, revoked_at__isnull=False, revocation_reason__gt="")
                | Q(state=S.ISSUED, revoked_at__isnull=True, revocation_reason=""),
                name="award_revoked_has_its_reason",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("issued_at")),
                name="award_expires_after_issue",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["source", "kind"], name="award_of_source"),
            models.Index(fields=["citizen", "-issued_at"], name="award_of_citizen"),
            models.Index(fields=["provider", "-issued_at"], name="award_of_provider"),
            models.Index(
                fields=["status_list", "status_index"], condition=Q(state=S.REVOKED), name="award_revoked"
            ),
        ]
        triggers: ClassVar[list[Any]] = [state_guard("catalogue_awardlog"), *never_removed_triggers()]

    def __str__(self) -> str:
        return f"award {self.public_id}"

    def is_expired(self, at: datetime) -> bool:
        """Whether its validity is over at that moment."""
        return self.expires_at is not None and at >= self.expires_at

    @transition(field=state, source=S.ISSUED, target=S.REVOKED, permission=provider_or_authority)
    def revoke(self, *, at: datetime, because: str) -> None:
        """It stands no longer; every verifier is told so."""
        self.revoked_at = at
        self.revocation_reason = because


class AwardLog(TransitionLog):
    """Who issued and who revoked an award, when and why."""

    subject = models.ForeignKey(Award, on_delete=models.PROTECT, related_name="log")

    class Meta(TransitionLog.Meta):
        indexes: ClassVar[list[Any]] = [models.Index(fields=["subject", "at", "id"], name="awardlog_at")]


Award.log_model = AwardLog


class PortfolioShare(models.Model):
    """A link by which its learner shows awards to somebody, for a time.

    token_hash: SHA-256 of the link's secret, which is shown once and kept nowhere.
    views: how often it was opened; by whom is not recorded.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (views, revoked_at)", "DELETE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="portfolio_shares")
    label = models.CharField(max_length=100, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    views = models.PositiveIntegerField(default=0)
    awards = models.ManyToManyField(Award, through="SharedAward", related_name="shares")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="portfolioshare_ends_after_it_begins"
            )
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["citizen", "-created_at"], name="portfolioshare_of_citizen")
        ]

    def __str__(self) -> str:
        return f"share {self.public_id}"

    def is_open(self, at: datetime) -> bool:
        """Whether the link still shows something."""
        return self.revoked_at is None and at < self.expires_at


class SharedAward(models.Model):
    """An award that a link shows."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE")

    share = models.ForeignKey(PortfolioShare, on_delete=models.PROTECT, related_name="shared")
    award = models.ForeignKey(Award, on_delete=models.PROTECT, related_name="shared")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["share", "award"], name="sharedaward_once")
        ]

    def __str__(self) -> str:
        return f"award {self.award_id} in share {self.share_id}"
