"""Learning accounts and the entitlement lots in them."""

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from ila.core import clock
from ila.core.models import never_removed_triggers


class Source(models.TextChoices):
    """Where money on an account came from; `learner` is the learner's own money, `grant` a window's budget."""

    RIGHTS = "rights", "Acquired rights"
    ENDOWMENT = "endowment", "Endowment"
    CORRECTIVE = "corrective", "Corrective endowment"
    EMPLOYER = "employer", "Employer's top-up"
    PUBLIC = "public", "Public top-up"
    ONE_OFF = "one_off", "One-off credit"
    MID_CAREER = "mid_career", "Mid-career credit"
    GRANT = "grant", "Grant"
    LEARNER = "learner", "Learner's own money"


class Fund(models.TextChoices):
    """Whose money it is in the end: each is accounted for apart."""

    PUBLIC = "public", "Public appropriation"
    EMPLOYER = "employer", "Employers and other third parties"
    OWN = "own", "Learners"


FUND_OF_SOURCE = {
    Source.ENDOWMENT: Fund.EMPLOYER,
    Source.CORRECTIVE: Fund.EMPLOYER,
    Source.EMPLOYER: Fund.EMPLOYER,
    Source.LEARNER: Fund.OWN,
}


def fund_of(source: str) -> Fund:
    """The fund that a source's money belongs to."""
    return FUND_OF_SOURCE.get(Source(source), Fund.PUBLIC)


class LearningAccount(models.Model):
    """A citizen's account in one scheme. `public_id` cannot be guessed; providers never see it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    citizen = models.ForeignKey(
        "accounts.Citizen", on_delete=models.PROTECT, related_name="learning_accounts"
    )
    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="learning_accounts")
    opened_at = models.DateTimeField(default=clock.now)
    suspended_until = models.DateField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["citizen", "scheme"], name="learningaccount_one_per_scheme")
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["suspended_until"],
                condition=Q(suspended_until__isnull=False),
                name="learningaccount_suspended",
            )
        ]

    def __str__(self) -> str:
        return f"learning account {self.public_id}"


def _begins_empty() -> pgtrigger.Trigger:
    """Money comes into a lot by postings: only the ledger's own functions may write one that has some already.

    They run as the owner of the table, who alone may truncate it: asked in the condition, which costs a row of a
    million's accrual next to nothing.
    """
    return pgtrigger.Trigger(
        name="begins_empty",
        operation=pgtrigger.Insert,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            "((NEW.available_cents <> 0 OR NEW.held_cents <> 0 OR NEW.spent_cents <> 0)"
            " AND NOT has_table_privilege('funding_lot', 'TRUNCATE'))"
        ),
        func="RAISE EXCEPTION 'a lot begins empty' USING ERRCODE = 'insufficient_privilege';",
    )


class Lot(models.Model):
    """An amount of entitlement of one source and one expiry on an account (amounts in cents).

    The three balances are the sums of the lot's postings and move by postings only: the application
    role may not update them. available: may be booked. held: in open bookings, until paid out or
    released. spent: paid out for good.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (earmark)")

    # The uniqueness below begins with the account: an index of its own would be written for nothing.
    account = models.ForeignKey(
        LearningAccount, on_delete=models.PROTECT, db_index=False, related_name="lots"
    )
    source = models.CharField(max_length=20, choices=Source)
    fund = models.CharField(max_length=10, choices=Fund)
    currency = models.CharField(max_length=3)
    expires_on = models.DateField(null=True, blank=True, help_text="The last day on which it may be used.")
    earmark = models.CharField(max_length=60, blank=True)
    # An employer's order, whose money comes back to it: each has lots of its own.
    top_up = models.ForeignKey(
        "funding.TopUp", on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="lots"
    )
    available_cents = models.BigIntegerField(default=0)
    held_cents = models.BigIntegerField(default=0)
    spent_cents = models.BigIntegerField(default=0)
    accrued_years = ArrayField(models.SmallIntegerField(), default=list, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        triggers: ClassVar[list[Any]] = [*never_removed_triggers(), _begins_empty()]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["account", "source", "expires_on", "earmark", "top_up"],
                nulls_distinct=False,
                name="lot_one_per_source_and_expiry",
            ),
            models.CheckConstraint(condition=Q(available_cents__gte=0), name="lot_available_not_negative"),
            models.CheckConstraint(condition=Q(held_cents__gte=0), name="lot_held_not_negative"),
            models.CheckConstraint(condition=Q(spent_cents__gte=0), name="lot_spent_not_negative"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["expires_on"], condition=Q(expires_on__isnull=False), name="lot_expiring"),
            models.Index(fields=["top_up"], condition=Q(top_up__isnull=False), name="lot_of_top_up"),
        ]

    def __str__(self) -> str:
        return f"{self.source} lot {self.pk}"
