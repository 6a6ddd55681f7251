"""Who brought a learner to a training: the learner's own word, and nobody else's."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from catalogue.models import ProviderDetail
from ila.core import clock
from ila.core.models import AppendOnlyModel

LONGEST_NAME = 100


class IntroducedBy(models.TextChoices):
    """Who brought the learner, or helped them to sign up."""

    NOBODY = "nobody", "Nobody"
    PARTNER = "partner", "An agent or subcontractor that the provider has declared"
    OTHER = "other", "Somebody else"


class Introduction(AppendOnlyModel):
    """What a learner answered as they booked; the latest row of a booking counts. Who did not answer has none.

    It changes nothing of the booking. partner: of those the provider has declared (F-35). name: of somebody else, in
    the learner's words; blank where they did not say.
    """

    booking = models.ForeignKey("funding.Booking", on_delete=models.PROTECT, related_name="introductions")
    kind = models.CharField(max_length=10, choices=IntroducedBy)
    partner = models.ForeignKey(
        ProviderDetail, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=LONGEST_NAME, blank=True)
    told_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    told_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=IntroducedBy.values), name="introduction_kind_known"),
            models.CheckConstraint(
                condition=Q(kind="partner", partner__isnull=False)
                | ~Q(kind="partner") & Q(partner__isnull=True),
                name="introduction_partner_is_named",
            ),
            models.CheckConstraint(
                condition=Q(kind="other") | Q(name=""), name="introduction_only_others_in_words"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["booking", "-id"], name="introduction_latest"),
        ]

    def __str__(self) -> str:
        return f"introduction of booking {self.booking_id}"
