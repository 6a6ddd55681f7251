"""What a detector is: one question, its parameters as data, and how it is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal, Self

from django.utils.functional import Promise
from psycopg import Cursor
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

FAMILIES = (
    "consent",
    "identity",
    "network",
    "volume",
    "time_and_place",
    "attendance",
    "money_back",
    "price",
    "control",
)
TYPOLOGIES: dict[str, tuple[str, ...]] = {
    "enrolment_without_consent": ("D01", "D02", "D03", "D04", "D23"),
    "account_takeover": ("D02", "D03", "D06"),
    "ghost_learners": ("D04", "D13", "D14", "D18"),
    "non_delivery": ("D14", "D16", "D17"),
    "shell_network": ("D05", "D07", "D08", "D09", "D10", "D24"),
    "record_padding": ("D11", "D12", "D13", "D14", "D15", "D16"),
    "price_abuse": ("D19", "D20", "D21", "D25"),
    "kickback_ring": ("D10", "D22", "D23", "D24"),
}
# What every detector reads: who booked what of whom.
BASE = (
    "bookings(learner_id session_id amount_cents created_at) sessions(credential_id) credentials(provider_id)"
)
_NEED = re.compile(r"(\w+)(?:\(([\w ]*)\))?")


# What pydantic calls thresholds that contradict each other.
BELOW_ANOTHER = "below_another"
# What a person may set a threshold to: whatever lies within these makes a question that can be asked.
Number = Annotated[int, Field(ge=1, le=100_000)]
Few = Annotated[int, Field(ge=0, le=100_000)]
Term = Annotated[int, Field(ge=1, le=3_650)]
Percent = Annotated[int, Field(ge=0, le=100)]
Cents = Annotated[int, Field(ge=0, le=100_000_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0, le=1_000)]
Deviations = Annotated[float, Field(ge=0, le=100)]
Hours = Annotated[float, Field(gt=0, le=48)]
Places = Annotated[
    list[Literal["library", "employer", "prison", "training_centre"]], Field(min_length=1, max_length=4)
]


def _is_words(value: str) -> str:
    # The database reads it as a pattern: words alone can neither fail there nor take for ever.
    if not re.fullmatch(r"[^\W_]+(?:\|[^\W_]+)*", value):
        raise ValueError("words, separated by |")
    return value


Pattern = Annotated[str, Field(max_length=500), AfterValidator(_is_words)]


@dataclass(frozen=True)
class NotBelow:
    """Of a threshold: never less than another one of the same detector, or its question contradicts itself."""

    other: str


class Parameters(BaseModel):
    """Thresholds of a detector: data that is versioned and frozen into its alerts."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def floors(cls) -> dict[str, tuple[str, ...]]:
        """By threshold, those of the same detector that it is never less than."""
        found = {
            name: tuple(each.other for each in field.metadata if isinstance(each, NotBelow))
            for name, field in cls.model_fields.items()
        }
        return {name: others for name, others in found.items() if others}

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        wrong = [
            name
            for name, others in self.floors().items()
            if any(getattr(self, name) < getattr(self, other) for other in others)
        ]
        if wrong:
            raise PydanticCustomError(BELOW_ANOTHER, "less than another threshold allows", {"names": wrong})
        return self


@dataclass(frozen=True)
class Finding:
    """What a detector says of one provider and subject.

    score: 0 to 1, comparable across detectors. action: N note, R review, H hold, B reject.
    evidence: `table:id` of every affected row, sorted.
    """

    provider_id: str
    subject_kind: str
    subject_id: str
    score: float
    action: str
    evidence: tuple[str, ...]


_WEAKEST_FIRST = "NRHB"


def one_of_each(findings: Iterable[Finding]) -> list[Finding]:
    """What a detector's questions say of the same subject, as one finding.

    It has the highest score, the strongest action and all the evidence: of a detector and subject one alert stands.
    """
    found: dict[tuple[str, str, str], Finding] = {}
    for each in findings:
        key = (each.provider_id, each.subject_kind, each.subject_id)
        known = found.get(key, each)
        found[key] = replace(
            each,
            score=max(known.score, each.score),
            action=max(known.action, each.action, key=_WEAKEST_FIRST.index),
            evidence=tuple(sorted({*known.evidence, *each.evidence})),
        )
    return list(found.values())


Query = Callable[[Cursor[Any], date, Any], Iterable[Finding]]


@dataclass(frozen=True)
class Detector:
    """One detector.

    hard: a finding with H or B is a fact that may hold money by itself. rises: what is to be reviewed is held where
    an independent family of evidence says the same. rule: which version of its parameters these are; 1 is built in.
    """

    id: str
    name: str
    version: int
    family: str
    explanation: str | Promise
    needs: str
    parameters: Parameters
    find: Query
    weight: float = 1.0
    hard: bool = False
    rises: bool = False
    rule: int = 1

    @property
    def typologies(self) -> tuple[str, ...]:
        """The typologies that this detector speaks for."""
        return tuple(name for name, members in TYPOLOGIES.items() if self.id in members)

    def needed(self) -> dict[str, set[str]]:
        """Table → columns without which the question cannot be answered."""
        found: dict[str, set[str]] = {}
        for table, columns in _NEED.findall(f"{BASE} {self.needs}"):
            found.setdefault(table, set()).update(columns.split())
        return found


def not_runnable(detector: Detector, columns: Mapping[str, Iterable[str]]) -> str:
    """Why the detector cannot run on facts with these columns by table; "" when it can."""
    for table, needed in detector.needed().items():
        if table not in columns:
            return f"{table} is missing"
        missing = sorted(needed - set(columns[table]))
        if missing:
            return f"{table}.{missing[0]} is missing"
    return ""


def asked_in_sql(query: str) -> Query:
    """A detector whose whole question is one query.

    The query gives provider_id, subject_kind, subject_id, score, action and an array of evidence; `%(day)s` is the
    day, every parameter goes by its name.
    """

    def find(cursor: Cursor[Any], day: date, parameters: Parameters) -> Iterable[Finding]:
        cursor.execute(query.encode(), {"day": day, **parameters.model_dump()})
        for provider_id, kind, subject_id, score, action, evidence in cursor.fetchall():
            if provider_id is not None and subject_id is not None:
                rows = tuple(sorted(set(evidence)))
                yield Finding(provider_id, kind, subject_id, banded(score), action, rows)

    return find


def banded(score: Any) -> float:
    """A score within 0 and 1, in steps of a hundredth: less than that is not known."""
    return round(min(max(float(score), 0.0), 1.0), 2)
