"""Schemes, their dated rules, and the appropriations that pay for them."""

import json
from datetime import date
from functools import lru_cache
from typing import Any, ClassVar, cast

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Value

from funding.schemes.rules import SchemeRules
from ila.core import clock
from ila.core.errors import DomainError


class Scheme(models.Model):
    """One programme of public money for learning, with its country, calendar and currency."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    country = models.CharField(max_length=2)
    timezone = models.CharField(max_length=50)
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.name


class StandingVersions(models.Manager["SchemeVersion"]):
    """Versions that hold, held or will hold: those that were withdrawn before they began are left out."""

    def get_queryset(self) -> models.QuerySet["SchemeVersion"]:
        """All but the withdrawn ones."""
        return super().get_queryset().filter(withdrawn_at__isnull=True)


class SchemeVersion(models.Model):
    """The rules of a scheme between two days: written by one person, put into force by another.

    A version that has not begun may be withdrawn by two persons; it is kept, and never holds.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (valid_until, withdrawn_at)")

    objects = StandingVersions()
    with_withdrawn: ClassVar[models.Manager["SchemeVersion"]] = models.Manager()

    scheme = models.ForeignKey(Scheme, on_delete=models.PROTECT, related_name="versions")
    valid_from = models.DateField()
    valid_until = models.DateField(
        null=True, blank=True, help_text="The first day on which it no longer holds."
    )
    rules = models.JSONField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    withdrawn_at = models.DateTimeField(null=True, blank=True, help_text="It was taken back before it began.")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True) | models.Q(valid_until__gt=F("valid_from")),
                name="schemeversion_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=~models.Q(author=F("approver")), name="schemeversion_approved_by_another_person"
            ),
            # A range of one number stands for equality: GiST knows plain numbers only with an extension.
            ExclusionConstraint(
                name="schemeversion_no_overlap",
                condition=models.Q(withdrawn_at__isnull=True),
                expressions=[
                    (
                        Func(
                            F("scheme_id"),
                            F("scheme_id"),
                            Value("[]"),
                            function="int8range",
                            output_field=BigIntegerRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                    (
                        Func(
                            F("valid_from"),
                            F("valid_until"),
                            Value("[)"),
                            function="daterange",
                            output_field=DateRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scheme_id} from {self.valid_from}"

    @property
    def parsed(self) -> SchemeRules:
        """The typed rules. A row's rules never change, so they are parsed once per process."""
        if "_parsed" not in self.__dict__:
            self.__dict__["_parsed"] = _parse(json.dumps(self.rules, sort_keys=True))
        return cast("SchemeRules", self.__dict__["_parsed"])


@lru_cache(maxsize=512)
def _parse(text: str) -> SchemeRules:
    return SchemeRules.model_validate_json(text)


class Budget(models.Model):
    """An appropriation: public money that a scheme may credit. `available_cents` moves by postings only."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (name)")

    scheme = models.ForeignKey(Scheme, on_delete=models.PROTECT, related_name="budgets")
    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3)
    available_cents = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=models.Q(available_cents__gte=0), name="budget_not_negative"),
            models.UniqueConstraint(fields=["scheme", "name"], name="budget_name_once_in_a_scheme"),
        ]

    def __str__(self) -> str:
        return self.name


def version_on(scheme: Scheme, day: date) -> SchemeVersion:
    """The rules in force on a day. Raises: DomainError `not_bookable` where the scheme has none yet."""
    version = (
        scheme.versions.filter(valid_from__lte=day)
        .exclude(valid_until__lte=day)
        .select_related("scheme")
        .order_by("-valid_from")
        .first()
    )
    if version is None:
        raise DomainError("not_bookable", scheme=scheme.code, day=day.isoformat())
    return version
