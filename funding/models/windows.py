"""Windows with a budget of their own, the applications granted from them, and how many a programme has had."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ila.core import clock
from ila.core.models import AppendOnlyModel, never_removed_triggers


class Window(models.Model):
    """A time in which grants may be applied for, first come first served, out of one budget (N-03).

    Its state follows from the time and the budget. What the budget still has can only fall: a grant whose money
    comes back gives it to the funder, so that nothing reopens the window. What was kept for somebody who then did not
    pay their own part was never granted, and is there again. closes_at is the first instant after it.
    admissions_per_s: how many people a second are let through to apply; without it there is no waiting room.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="windows")
    name = models.CharField(max_length=100)
    budget = models.OneToOneField("funding.Budget", on_delete=models.PROTECT, related_name="window")
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    admissions_per_s = models.DecimalField(max_digits=7, decimal_places=3, null=True, blank=True)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(closes_at__gt=F("opens_at")), name="window_closes_after_it_opens"
            ),
            models.UniqueConstraint(fields=["scheme", "name"], name="window_name_once_in_a_scheme"),
            models.CheckConstraint(
                condition=Q(admissions_per_s__isnull=True) | Q(admissions_per_s__gt=0),
                name="window_admits_somebody",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["scheme", "opens_at"], name="window_of_scheme")]

    def __str__(self) -> str:
        return self.name

    @property
    def left_cents(self) -> int:
        """What the budget still has, in all its parts (lists prefetch `slices__budget`)."""
        parts = self.slices.select_related("budget") if not self._prefetched else self.slices.all()
        return self.budget.available_cents + sum(part.budget.available_cents for part in parts)

    @property
    def _prefetched(self) -> bool:
        return "slices" in getattr(self, "_prefetched_objects_cache", {})


class BudgetSlice(models.Model):
    """A further part of a window's budget, in a row of its own, so that fewer applications wait for one row.

    The first part is the window's own budget; together they are what the window can grant.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    window = models.ForeignKey(Window, on_delete=models.PROTECT, db_index=False, related_name="slices")
    position = models.PositiveSmallIntegerField()
    budget = models.OneToOneField("funding.Budget", on_delete=models.PROTECT, related_name="slice")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["window", "position"], name="budgetslice_position_once"),
            models.CheckConstraint(condition=Q(position__gt=0), name="budgetslice_beside_the_first"),
        ]

    def __str__(self) -> str:
        return f"part {self.position + 1} of window {self.window_id}"


class WaitingRoom(models.Model):
    """The counter of a window that lets people through at a rate: the last number given, and the next free turn.

    It moves with each place taken, in the statement that writes the place, so that numbers have no gaps.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (last_number, next_turn_at)")

    window = models.OneToOneField(
        Window, on_delete=models.PROTECT, primary_key=True, related_name="waiting_room"
    )
    last_number = models.PositiveIntegerField(default=0)
    next_turn_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"waiting room of window {self.window_id}"


class Place(models.Model):
    """Somebody's place in a window's waiting room: numbered in the order of arrival, with the moment of its turn.

    Number and turn are given once and never change, so that nobody is moved behind anybody. left_at: given back.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (left_at)")

    window = models.ForeignKey(Window, on_delete=models.PROTECT, db_index=False, related_name="places")
    account = models.ForeignKey(
        "funding.LearningAccount", on_delete=models.PROTECT, db_index=False, related_name="places"
    )
    number = models.PositiveIntegerField()
    taken_at = models.DateTimeField()
    turn_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = never_removed_triggers()
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["window", "number"], name="place_number_once"),
            models.UniqueConstraint(
                fields=["account", "window"], condition=Q(left_at__isnull=True), name="place_one_per_person"
            ),
            models.CheckConstraint(condition=Q(turn_at__gte=F("taken_at")), name="place_turn_after_arrival"),
        ]

    def __str__(self) -> str:
        return f"place {self.number} of window {self.window_id}"


class Application(AppendOnlyModel):
    """A granted application: what was given from which window, and for which year it counts (N-01, N-17).

    Refused applications are not kept: there is no waiting list (N-03).
    once_key: what the scheme's `once` allows a person one grant of: the year, `ever`, or null for no limit.
    """

    booking = models.OneToOneField("funding.Booking", on_delete=models.PROTECT, related_name="application")
    window = models.ForeignKey(Window, on_delete=models.PROTECT, related_name="applications")
    account = models.ForeignKey(
        "funding.LearningAccount", on_delete=models.PROTECT, db_index=False, related_name="applications"
    )
    applied_at = models.DateTimeField()
    year = models.PositiveSmallIntegerField()
    once_key = models.CharField(max_length=10, null=True, blank=True)
    grant_cents = models.BigIntegerField()

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["account", "once_key"], name="application_once"),
            models.CheckConstraint(condition=Q(grant_cents__gt=0), name="application_grants_something"),
        ]

    def __str__(self) -> str:
        return f"application of booking {self.booking_id}"


class GrantCount(models.Model):
    """How many grants a provider's programme has had in a calendar year, with those kept for who pays (N-11).

    What was granted stays counted, whatever comes back of it.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (granted)")

    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, db_index=False, related_name="+")
    credential = models.ForeignKey("catalogue.MicroCredential", on_delete=models.PROTECT, related_name="+")
    year = models.PositiveSmallIntegerField()
    granted = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["scheme", "credential", "year"], name="grantcount_once_a_year")
        ]

    def __str__(self) -> str:
        return f"{self.granted} grants in {self.year}"
