"""Sign-ins and the consent receipts given under them."""

import hashlib
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django_fsm import FSMField, transition

from accounts.models.citizens import Citizen
from accounts.models.erasable import WrittenOnceModel, written_once_triggers
from ila.core import clock, fsm


class Assurance(models.TextChoices):
    """How surely a sign-in proves the person (F-32)."""

    WEAK = "weak", "Ordinary sign-in"
    STRONG = "strong", "Strong e-identity"


class SignIn(WrittenOnceModel):
    """One sign-in of a user, with the assurance it gave.

    Network and device are kept as keyed hashes, and the device in words that fit a million others.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sign_ins")
    at = models.DateTimeField(default=clock.now)
    method = models.CharField(max_length=30)
    assurance = models.CharField(max_length=10, choices=Assurance)
    ip_hash = models.CharField(max_length=64, blank=True)
    device_hash = models.CharField(max_length=64, blank=True)
    device_name = models.CharField(
        max_length=60, blank=True, help_text='The device in plain words: "Firefox on Android".'
    )

    class Meta(WrittenOnceModel.Meta):
        triggers: ClassVar[list[Any]] = written_once_triggers("OLD.user_id")

    def __str__(self) -> str:
        return f"sign-in {self.pk}"


class ConsentLog(fsm.TransitionLog):
    """What happened to a consent receipt."""

    subject = models.ForeignKey("accounts.Consent", on_delete=models.PROTECT, related_name="log")


class Consent(fsm.Machine):
    """A receipt: the text a citizen was shown, and what they answered, under which sign-in."""

    log_model: ClassVar[type[fsm.TransitionLog]] = ConsentLog

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="consents")
    state = FSMField(default="asked", protected=True)
    text = models.TextField()
    text_hash = models.CharField(max_length=64)
    asked_at = models.DateTimeField(default=clock.now)
    answered_at = models.DateTimeField(null=True, blank=True)
    sign_in = models.ForeignKey(SignIn, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("accounts_consentlog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=models.Q(state__in=["asked", "given", "denied", "withdrawn", "lapsed"]),
                name="consent_state_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["given", "withdrawn"])
                | models.Q(answered_at__isnull=False, sign_in__isnull=False),
                name="consent_given_under_a_sign_in",
            ),
        ]

    def __str__(self) -> str:
        return f"consent {self.public_id}"

    @staticmethod
    def hash_of(text: str) -> str:
        """SHA-256 of the text shown, in hex."""
        return hashlib.sha256(text.encode()).hexdigest()

    @transition(field=state, source="asked", target="given")
    def give(self, *, sign_in: SignIn, text: str) -> None:
        self.answered_at = clock.now()
        self.sign_in = sign_in
        self.text, self.text_hash = text, self.hash_of(text)

    @transition(field=state, source="asked", target="denied")
    def deny(self) -> None:
        self.answered_at = clock.now()

    @transition(field=state, source="asked", target="lapsed")
    def lapse(self) -> None:
        self.answered_at = None

    @transition(field=state, source="given", target="withdrawn")
    def withdraw(self) -> None:
        """The citizen says afterwards that it was not them, or takes the consent back."""
