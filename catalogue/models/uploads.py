"""Catalogue files that people hand in, kept as they came, and what was done with each."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from ila.core import clock
from ila.core.models import AppendOnlyModel


class CatalogueFile(AppendOnlyModel):
    """A file as it was handed in, known by its content. sha256: hexadecimal; size: bytes."""

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField()
    name = models.CharField(max_length=200)
    uploaded_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.name


class FilePiece(AppendOnlyModel):
    """A part of a file's content: so many that none is large, in order of their numbers, from 0."""

    file = models.ForeignKey(CatalogueFile, on_delete=models.PROTECT, related_name="pieces")
    number = models.IntegerField()
    content = models.BinaryField()

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["file", "number"], name="filepiece_once")
        ]

    def __str__(self) -> str:
        return f"piece {self.number} of file {self.file_id}"


class ImportFormat(models.TextChoices):
    """What a catalogue file is written in."""

    TEMPLATE = "template", "Table (CSV or XLSX)"
    EDOF = "edof", "EDOF (XML)"
    ETPL = "etpl", "ETPL (CSV)"


class ImportStage(models.TextChoices):
    """How far an import is: first tried without writing, then, when a person says so, stored."""

    CHECKING = "checking", "Being checked"
    CHECKED = "checked", "Checked"
    STORING = "storing", "Being stored"
    STORED = "stored", "Stored"
    DISCARDED = "discarded", "Discarded"
    FAILED = "failed", "Failed"


class ImportRun(models.Model):
    """One import asked for on a page. report: what the check found; result: what the storing did.

    full: entries that the file no longer has are delisted. work: `read` or `store`; done: entries so far.
    error: the kind of what broke the job, without values.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    format = models.CharField(max_length=10, choices=ImportFormat)
    file = models.ForeignKey(CatalogueFile, on_delete=models.PROTECT, related_name="+")
    register = models.ForeignKey(
        CatalogueFile, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    full = models.BooleanField(default=False)
    stage = models.CharField(max_length=10, choices=ImportStage, default=ImportStage.CHECKING)
    work = models.CharField(max_length=10, blank=True)
    done = models.IntegerField(default=0)
    report = models.JSONField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True)
    requested_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=clock.now)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=~Q(stage__in=["checked", "storing", "stored"]) | Q(report__isnull=False),
                name="importrun_checked_has_its_report",
            ),
            models.CheckConstraint(
                condition=~Q(stage__in=["storing", "stored", "discarded"])
                | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="importrun_decided_has_its_person",
            ),
            models.CheckConstraint(
                condition=~Q(stage="stored") | Q(result__isnull=False, finished_at__isnull=False),
                name="importrun_stored_has_its_result",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["-requested_at"], name="importrun_latest")]

    def __str__(self) -> str:
        return f"import {self.public_id}"
