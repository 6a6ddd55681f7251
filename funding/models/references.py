"""What learners give employers so that these may add to their accounts: a code, or the number of their pay slip."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from ila.core import clock


class TopUpReference(models.Model):
    """A short code by which a learner lets an employer add to one of their accounts, and nothing else.

    It says nothing of who they are or what they have; a learner takes it back at any time. One at a time stands
    for an account.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (revoked_at)")

    account = models.ForeignKey(
        "funding.LearningAccount", on_delete=models.PROTECT, related_name="top_up_references"
    )
    code = models.CharField(max_length=10, unique=True)
    created_at = models.DateTimeField(default=clock.now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(revoked_at__isnull=True), name="topupreference_one_stands"
            )
        ]

    def __str__(self) -> str:
        return f"top-up reference {self.pk}"

    @property
    def shown(self) -> str:
        """In groups, as a person copies it."""
        return f"{self.code[:4]}-{self.code[4:8]}-{self.code[8:]}"


class PayrollNumber(models.Model):
    """A learner lets one employer add to one of their accounts by the number of their pay slip, and nothing else.

    digest: a keyed index of the employer and the number, which nobody reads back; ending: its last two signs, for its
    owner. It counts together with the birth date that the learner's e-identity has proved.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (revoked_at)")

    account = models.ForeignKey(
        "funding.LearningAccount", on_delete=models.PROTECT, related_name="payroll_numbers"
    )
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="payroll_numbers"
    )
    digest = models.CharField(max_length=80)
    ending = models.CharField(max_length=2)
    given_under = models.ForeignKey("accounts.SignIn", on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField(default=clock.now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["account", "organisation"],
                condition=Q(revoked_at__isnull=True),
                name="payrollnumber_one_stands",
            )
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["digest"], condition=Q(revoked_at__isnull=True), name="payrollnumber_standing"
            )
        ]

    def __str__(self) -> str:
        return f"payroll number {self.pk}"
