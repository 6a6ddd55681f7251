"""What banks said of accounts before the first payment into them, and whom of the agency took it on themselves."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Citizen
from catalogue.models import Provider
from catalogue.models.applications import PayeeAnswer
from ila.core import clock
from ila.core.models import AppendOnlyModel


class PayeeCheck(AppendOnlyModel):
    """One answer to whether an account is in a name; the newest of an account and a name counts.

    The payee is a provider or a learner. told_name: the account's own name, told with a close match alone.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="payee_checks")
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, null=True, blank=True, related_name="payee_checks"
    )
    citizen = models.ForeignKey(
        Citizen, on_delete=models.PROTECT, null=True, blank=True, related_name="payee_checks"
    )
    iban = models.CharField(max_length=34)
    name = models.CharField(max_length=140)
    answer = models.CharField(max_length=20, choices=PayeeAnswer)
    told_name = models.CharField(max_length=140, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(answer__in=PayeeAnswer.values), name="payeecheck_answer_known"
            ),
            models.CheckConstraint(
                condition=Q(provider__isnull=True) ^ Q(citizen__isnull=True), name="payeecheck_one_payee"
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["iban", "asked_at"], name="payeecheck_of_iban")]

    def __str__(self) -> str:
        return f"check of payee {self.pk}: {self.answer}"


class PayeeAcceptance(AppendOnlyModel):
    """A payment officer lets an account be paid into that no bank has matched with its name, and says why."""

    verification = models.ForeignKey(PayeeCheck, on_delete=models.PROTECT, related_name="acceptances")
    reason = models.CharField(max_length=500)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    accepted_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(reason=""), name="payeeacceptance_says_why"),
            models.UniqueConstraint(
                fields=["verification", "accepted_by"], name="payeeacceptance_once_by_each"
            ),
        ]

    def __str__(self) -> str:
        return f"acceptance of payee check {self.verification_id}"
