"""Known places: where many people lawfully sign in from one address, such as a library."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from fraud.permissions import is_place_proposer, may_decide_place, may_investigate
from ila.core import clock, fsm


class PlaceKind(models.TextChoices):
    """What a place is."""

    LIBRARY = "library", "Library"
    EMPLOYER = "employer", "Employer"
    PRISON = "prison", "Prison"
    TRAINING_CENTRE = "training_centre", "Training centre"


class PlaceState(models.TextChoices):
    """States of a known place."""

    PROPOSED = "proposed", "Proposed"
    IN_FORCE = "in_force", "In force"
    REFUSED = "refused", "Refused"
    TAKEN_BACK = "taken_back", "Taken back"
    ENDED = "ended", "Ended"


S = PlaceState


class KnownPlaceLog(fsm.TransitionLog):
    """What happened to a known place, by whom and why."""

    subject = models.ForeignKey("fraud.KnownPlace", on_delete=models.PROTECT, related_name="log")


class KnownPlace(fsm.Machine):
    """A network behind which many lawfully sign in: detectors leave it out of mass enrolment and shared data.

    So two persons put it into force. network: in CIDR notation; line_hashes: what sign-ins from it are known by.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = KnownPlaceLog

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=PlaceKind)
    name = models.CharField(max_length=200)
    network = models.CharField(max_length=50)
    line_hashes = ArrayField(models.CharField(max_length=64))
    reason = models.CharField(max_length=500)
    state = FSMField(default=S.PROPOSED, choices=PlaceState, protected=True, max_length=20)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=clock.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [
            fsm.state_guard("fraud_knownplacelog"),
            pgtrigger.Protect(name="never_removed", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="proposal_is_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                IF (NEW.kind, NEW.name, NEW.network, NEW.line_hashes, NEW.reason, NEW.proposed_by_id)
                    IS DISTINCT FROM
                   (OLD.kind, OLD.name, OLD.network, OLD.line_hashes, OLD.reason, OLD.proposed_by_id)
                THEN
                    RAISE EXCEPTION 'known place %: what was proposed is fixed', NEW.id
                        USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN NEW;
                """,
            ),
        ]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=S.values), name="knownplace_state_known"),
            models.CheckConstraint(condition=Q(kind__in=PlaceKind.values), name="knownplace_kind_known"),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(network="") & ~Q(reason=""), name="knownplace_says_why"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("proposed_by")),
                name="knownplace_decided_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.IN_FORCE, S.REFUSED, S.ENDED])
                | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="knownplace_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(state=S.ENDED, ended_at__isnull=False)
                | (~Q(state=S.ENDED) & Q(ended_at__isnull=True)),
                name="knownplace_ended_has_its_time",
            ),
            # Two proposals of one network would silence it after one of them has ended.
            models.UniqueConstraint(
                fields=["network"],
                condition=Q(state__in=[S.PROPOSED, S.IN_FORCE]),
                name="knownplace_network_once",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            GinIndex(fields=["line_hashes"], name="knownplace_lines"),
            models.Index(fields=["-proposed_at"], name="knownplace_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.network})"

    @transition(field=state, source=S.PROPOSED, target=S.IN_FORCE, permission=may_decide_place)
    def put_in_force(self, *, by: Any, at: datetime) -> None:
        """Another person agrees: detectors leave it out from now on."""
        self.decided_by, self.decided_at = by, at

    @transition(field=state, source=S.PROPOSED, target=S.REFUSED, permission=may_decide_place)
    def refuse(self, *, by: Any, at: datetime) -> None:
        """Another person says no."""
        self.decided_by, self.decided_at = by, at

    @transition(field=state, source=S.PROPOSED, target=S.TAKEN_BACK, permission=is_place_proposer)
    def take_back(self) -> None:
        """Who proposed it thinks again."""

    @transition(field=state, source=S.IN_FORCE, target=S.ENDED, permission=may_investigate)
    def end(self, *, at: datetime) -> None:
        """Detectors look at it again: one person is enough for that."""
        self.ended_at = at
