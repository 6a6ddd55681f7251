"""Facts twice: of the running platform (append-only), and of populations that are evaluated (replaced as a whole).

Both have the same columns, those of `fraud.facts.tables`, and no table is shared: a generated population can never
be taken for real bookings, whatever is asked. Facts hold no foreign keys: an id is a word that a file gave.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from fraud.facts.tables import TABLES, Kind, Table
from ila.core import clock
from ila.core.models import AppendOnlyModel, append_only_triggers

_PLAIN: dict[Kind, type[models.Field[Any, Any]]] = {
    Kind.TEXT: models.TextField,
    Kind.TIME: models.DateTimeField,
    Kind.DATE: models.DateField,
    Kind.INTEGER: models.BigIntegerField,
    Kind.DEGREES: models.FloatField,
    Kind.BOOLEAN: models.BooleanField,
    Kind.MINUTES: models.SmallIntegerField,
}


class _EvaluationFact(models.Model):
    # Emptied by the owner's function `fraud_clear_evaluation`, which the application may call.
    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    class Meta:
        abstract = True


class EvaluationLoad(models.Model):
    """What the latest load of an evaluated population brought.

    columns: the columns that each file had; a file that is absent here was not there. rows: the number per file.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    loaded_at = models.DateTimeField(default=clock.now)
    columns = models.JSONField(default=dict)
    rows = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"load of {self.loaded_at}"


def live_table(name: str) -> str:
    """The database table of the running platform's facts of that name."""
    return f"fraud_live_{name}"


def evaluation_table(name: str) -> str:
    """The database table of the evaluated population's facts of that name."""
    return f"fraud_evaluation_{name}"


def _field(kind: Kind) -> models.Field[Any, Any]:
    if kind is Kind.DECIMAL:
        return models.DecimalField(max_digits=12, decimal_places=4, null=True)
    return _PLAIN[kind](null=True)


def _fields(table: Table) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": models.BigAutoField(primary_key=True)}
    fields.update((column.name, _field(column.kind)) for column in table.columns[:-1])
    fields["recorded_at"] = models.DateTimeField()
    return fields


def _words(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


def _live(table: Table) -> type[models.Model]:
    short = table.name
    indexes = [models.Index(fields=["recorded_at"], name=f"live_{short}"[:26] + "_rec")]
    fields = _fields(table)
    if table.key:
        indexes.append(models.Index(fields=[*table.key, "recorded_at"], name=f"live_{short}"[:26] + "_key"))
    elif table.required:
        # Which row of the platform it tells of: the same one is never told twice.
        fields["fed_from"] = models.CharField(max_length=120, null=True, unique=True)
    meta = type(
        "Meta", (), {"db_table": live_table(short), "triggers": append_only_triggers(), "indexes": indexes}
    )
    about = {"__module__": __name__, "__doc__": f"{short} of the running platform.", "Meta": meta}
    return type(f"Live{_words(short)}", (AppendOnlyModel,), {**about, **fields})


def _evaluation(table: Table) -> type[models.Model]:
    short = table.name
    meta = type("Meta", (), {"db_table": evaluation_table(short)})
    about = {"__module__": __name__, "__doc__": f"{short} of an evaluated population.", "Meta": meta}
    return type(f"Evaluation{_words(short)}", (_EvaluationFact,), {**about, **_fields(table)})


LIVE: dict[str, type[models.Model]] = {name: _live(table) for name, table in TABLES.items()}
EVALUATION: dict[str, type[models.Model]] = {name: _evaluation(table) for name, table in TABLES.items()}
