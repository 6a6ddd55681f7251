"""Citizens and the facts about them that scheme rules ask for."""

import uuid
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from ila.core import clock


class CitizenStatus(models.TextChoices):
    """What a citizen does for a living, as the rules tell it apart."""

    EMPLOYED = "employed", "Employed"
    JOB_SEEKER = "job_seeker", "Job-seeker"
    SELF_EMPLOYED = "self_employed", "Self-employed"
    STUDENT = "student", "Student"
    RETIRED = "retired", "Retired"
    INACTIVE = "inactive", "Not working"


class Citizen(models.Model):
    """A person who may hold learning accounts. `public_id` is what addresses show: it cannot be guessed."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.OneToOneField("accounts.User", on_delete=models.PROTECT, null=True, blank=True)
    given_name = models.CharField(max_length=100, blank=True)
    family_name = models.CharField(max_length=100, blank=True)
    birth_date = models.DateField()
    status = models.CharField(max_length=20, choices=CitizenStatus, default=CitizenStatus.EMPLOYED)
    qualification_level = models.PositiveSmallIntegerField(default=4, validators=[MaxValueValidator(8)])
    disabled = models.BooleanField(default=False)
    hours_ratio = models.DecimalField(
        max_digits=5, decimal_places=4, default=Decimal(1), validators=[MinValueValidator(0)]
    )
    annual_hours = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)
    driving_licences = ArrayField(models.CharField(max_length=8), default=list, blank=True)
    residence = models.CharField(max_length=2, default="FR")
    citizenship = models.CharField(max_length=2, default="FR")
    work_incapacity_percent = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)])
    prevention_account = models.BooleanField(default=False)
    income_cents = models.BigIntegerField(null=True, blank=True)
    student_finance = models.BooleanField(default=False)
    insured_months = models.PositiveSmallIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=models.Q(hours_ratio__gte=0), name="citizen_hours_ratio_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(work_incapacity_percent__lte=100), name="citizen_incapacity_at_most_100"
            ),
        ]
        # Whom an e-identity means is looked for by birth date.
        indexes: ClassVar[list[Any]] = [models.Index(fields=["birth_date"], name="citizen_birth_date")]

    def __str__(self) -> str:
        return f"citizen {self.public_id}"
