"""The words of a scenario file: its head, its cast and its events, each key typed and none unknown."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from funding.replay.reading import ScenarioError
from funding.replay.values import (
    Cents,
    Day,
    DeclaredPercent,
    Flag,
    Hours,
    Id,
    Moment,
    Percent,
    Ratio,
    Text,
    Year,
)
from funding.schemes.vocabulary import Kind, Status

MAX_EVENTS = 10_000
MAX_ROWS = 5_000

Identity = Literal["strong", "weak"]
CreditSource = Literal["rights", "endowment", "corrective", "employer", "public", "one_off", "mid_career"]
Country = Annotated[str, Field(strict=True, pattern=r"^[A-Z]{2}$")]


class Row(BaseModel):
    """Anything in a scenario: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# -- the cast --------------------------------------------------------------------------------------------


class Learner(Row):
    """A citizen with an account in the scheme. What is left out: employed, level 4, full time, nothing special."""

    id: Id
    birth_date: Day | None = None
    status: Status = "employed"
    qualification_level: Annotated[int, Field(strict=True, ge=0, le=8)] = 4
    disabled: Flag = False
    hours_ratio: Ratio = Decimal(1)
    annual_hours: Hours | None = None
    driving_licences: tuple[Annotated[str, Field(strict=True, min_length=1, max_length=8)], ...] = ()
    residence: Country | None = None
    citizen: Country | Flag | None = None
    e_identity: Identity = "strong"
    income_cents: Cents | None = None
    student_finance: Flag = False
    insured_months: Annotated[int, Field(strict=True, ge=0, le=1200)] | None = None
    work_incapacity_percent: Percent = 0
    prevention_account: Flag = False


class Provider(Row):
    """A training provider. Without a day of accreditation it has none; without an IBAN one is invented."""

    id: Id
    accredited_from: Day | None = None
    accredited_until: Day | None = None
    iban: Text | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_period(self.accredited_from, self.accredited_until)
        return self


class Credential(Row):
    """A micro-credential of a provider, registered."""

    id: Id
    provider: Id
    kind: Kind
    hours: Annotated[Hours, Field(gt=0)] | None = None
    title: Text = ""
    code: Annotated[str, Field(strict=True, max_length=30)] = ""
    accredited_from: Day | None = None
    accredited_until: Day | None = None
    register_price_cents: Cents | None = None
    publicly_funded: Flag = False
    prerequisites: Flag = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_period(self.accredited_from, self.accredited_until)
        return self


class Session(Row):
    """A session of a micro-credential, open to bookings. Without `seats` there is no limit."""

    id: Id
    credential: Id
    starts: Moment | None = None
    ends: Moment | None = None
    seats: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    price_cents: Cents


def _check_period(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and last < first:
        raise ValueError("accredited_until comes before accredited_from")


# -- the events ------------------------------------------------------------------------------------------


class Event(Row):
    """Something that somebody does. `at`: when; left out: at once."""

    at: Moment | None = None
    do: str


class Accrue(Event):
    year: Year


class Credit(Event):
    learner: Id
    source: CreditSource
    amount_cents: Cents
    expires: Day | None = None
    goal: Annotated[str, Field(strict=True, max_length=60)] = ""


class OpenWindow(Event):
    window: Id
    budget_cents: Cents
    opens: Moment
    closes: Moment


class Advance(Event):
    to: Moment


class BookingEvent(Event):
    booking: Id


class Request(BookingEvent):
    learner: Id
    session: Id


class Apply(Request):
    window: Id


class Acknowledge(BookingEvent):
    pass


class Propose(BookingEvent):
    price_cents: Cents | None = None


class Refuse(BookingEvent):
    by: Literal["provider", "learner", "funder"]
    reason: Text = ""


class Accept(BookingEvent):
    e_identity: Identity | None = None


class DenyConsent(BookingEvent):
    pass


class Withdraw(BookingEvent):
    pass


class Cancel(BookingEvent):
    by: Literal["learner", "provider", "funder"]
    reason: Text = ""


class CancelSession(Event):
    session: Id


class DeclareEntry(BookingEvent):
    pass


class Attendance(BookingEvent):
    percent: DeclaredPercent | None = None
    hours: Hours | None = None


class Certificate(BookingEvent):
    pass


class Exam(BookingEvent):
    pass


class DeclareExit(BookingEvent):
    reason: Text = ""


class DeclareService(BookingEvent):
    percent: DeclaredPercent | None = None


class ValidateService(BookingEvent):
    pass


class NoShow(BookingEvent):
    justified: Flag = False


class Claim(BookingEvent):
    advance: Flag = False


class ApproveClaim(BookingEvent):
    pass


class Pay(BookingEvent):
    pass


class Bank(BookingEvent):
    result: Literal["executed", "rejected", "returned"]


class Recover(BookingEvent):
    amount_cents: Cents


class Resolve(BookingEvent):
    outcome: Literal["upheld", "rejected"]


class SetProvider(Event):
    provider: Id
    iban: Text | None = None
    accredited_from: Day | None = None
    accredited_until: Day | None = None


class Scoped(Event):
    """An event about exactly one of several things."""

    scopes: ClassVar[tuple[str, ...]]

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        if sum(getattr(self, name) is not None for name in self.scopes) != 1:
            raise ValueError(f"exactly one of {', '.join(self.scopes)} is needed")
        return self


class Accreditable(Scoped):
    scopes: ClassVar[tuple[str, ...]] = ("provider", "credential")
    provider: Id | None = None
    credential: Id | None = None


class Suspend(Accreditable):
    pass


class Resume(Accreditable):
    pass


class Stoppable(Scoped):
    scopes: ClassVar[tuple[str, ...]] = ("booking", "provider", "session")
    booking: Id | None = None
    provider: Id | None = None
    session: Id | None = None


class Hold(Stoppable):
    reason: Text = ""
    until: Moment | None = None


class ReleaseHold(Stoppable):
    pass


EVENTS: Mapping[str, type[Event]] = {
    "accrue": Accrue,
    "credit": Credit,
    "open_window": OpenWindow,
    "apply": Apply,
    "request": Request,
    "acknowledge": Acknowledge,
    "propose": Propose,
    "refuse": Refuse,
    "accept": Accept,
    "deny_consent": DenyConsent,
    "withdraw": Withdraw,
    "cancel": Cancel,
    "cancel_session": CancelSession,
    "declare_entry": DeclareEntry,
    "attendance": Attendance,
    "certificate": Certificate,
    "exam": Exam,
    "declare_exit": DeclareExit,
    "declare_service": DeclareService,
    "validate_service": ValidateService,
    "no_show": NoShow,
    "claim": Claim,
    "approve_claim": ApproveClaim,
    "pay": Pay,
    "bank": Bank,
    "recover": Recover,
    "resolve": Resolve,
    "set_provider": SetProvider,
    "suspend": Suspend,
    "resume": Resume,
    "hold": Hold,
    "release_hold": ReleaseHold,
    "advance": Advance,
}


# -- the file --------------------------------------------------------------------------------------------


class Scenario(Row):
    """A whole file. `rules` are looked at by the scheme, `events` one by one."""

    scheme: Id
    rules: dict[str, Any] = Field(default_factory=dict)
    clock: Moment
    learners: tuple[Learner, ...] = Field(default=(), max_length=MAX_ROWS)
    providers: tuple[Provider, ...] = Field(default=(), max_length=MAX_ROWS)
    credentials: tuple[Credential, ...] = Field(default=(), max_length=MAX_ROWS)
    sessions: tuple[Session, ...] = Field(default=(), max_length=MAX_ROWS)
    events: tuple[Event, ...] = Field(default=(), max_length=MAX_EVENTS)

    @field_validator("events", mode="before")
    @classmethod
    def _each_by_its_word(cls, value: Any) -> Any:
        if not isinstance(value, list):
            raise ScenarioError("events", "must be a list")
        if len(value) > MAX_EVENTS:
            raise ScenarioError("events", f"more than {MAX_EVENTS:,}")
        return tuple(_event(number, each) for number, each in enumerate(value))


def parse_scenario(values: Any) -> Scenario:
    """The scenario that plain values describe; references between its parts are checked too.

    Raises: ScenarioError naming the first thing at fault and its place, such as
    `events[3].booking: unknown booking 'B9'`.
    """
    if not isinstance(values, dict):
        raise ScenarioError("", "a scenario is a JSON object")
    try:
        scenario = Scenario.model_validate(values)
    except ValidationError as error:
        raise _named(error) from None
    _check_references(scenario)
    return scenario


def _event(number: int, value: Any) -> Event:
    place = f"events[{number}]"
    if not isinstance(value, dict):
        raise ScenarioError(place, "an event is an object")
    if "do" not in value:
        raise ScenarioError(f"{place}.do", "is missing")
    model = EVENTS.get(value["do"]) if isinstance(value["do"], str) else None
    if model is None:
        raise ScenarioError(f"{place}.do", f"unknown event {_shown(value['do'])}")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _named(error, prefix=place) from None


def _named(error: ValidationError, *, prefix: str = "") -> ScenarioError:
    """The first fault in the words of the file. Unknown keys come first: they explain others."""
    faults = error.errors(include_url=False, include_context=False)
    fault = min(faults, key=lambda each: each["type"] != "extra_forbidden")
    place = _place(fault["loc"], prefix)
    if fault["type"] == "extra_forbidden":
        return ScenarioError(place, "unknown key")
    if fault["type"] == "missing":
        return ScenarioError(place, "is missing")
    message = fault["msg"].removeprefix("Value error, ")
    shown = "" if fault["type"] == "value_error" else f", not {_shown(fault['input'])}"
    return ScenarioError(place, f"{message[:1].lower()}{message[1:]}{shown}")


def _place(loc: tuple[int | str, ...], prefix: str) -> str:
    place = prefix
    for part in loc:
        if isinstance(part, int):
            place += f"[{part}]"
        elif _is_key(part):
            place += f".{part}" if place else part
    return place


def _is_key(part: str) -> bool:
    """Whether a part of pydantic's path is the file's: branches of a union are named in it too."""
    return "[" not in part and part not in {"bool", "constrained-str", "date", "datetime"}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


# -- references ------------------------------------------------------------------------------------------


def _check_references(scenario: Scenario) -> None:
    known: dict[str, set[str]] = {
        "learner": _ids("learners", scenario.learners),
        "provider": _ids("providers", scenario.providers),
        "credential": _ids("credentials", scenario.credentials),
        "session": _ids("sessions", scenario.sessions),
        "booking": set(),
        "window": set(),
    }
    for number, credential in enumerate(scenario.credentials):
        _require(known, "provider", credential.provider, f"credentials[{number}]")
    for number, session in enumerate(scenario.sessions):
        _require(known, "credential", session.credential, f"sessions[{number}]")
    for number, event in enumerate(scenario.events):
        place = f"events[{number}]"
        if isinstance(event, Request):  # `apply` too
            # A booking is known from its request on, granted or not.
            known["booking"].add(event.booking)
        if isinstance(event, OpenWindow):
            known["window"].add(event.window)
        for kind in known:
            reference = getattr(event, kind, None)
            if reference is not None:
                _require(known, kind, reference, place)


def _ids(name: str, rows: tuple[Any, ...]) -> set[str]:
    found: set[str] = set()
    for number, row in enumerate(rows):
        if row.id in found:
            raise ScenarioError(f"{name}[{number}].id", f"{row.id!r} is there twice")
        found.add(row.id)
    return found


def _require(known: dict[str, set[str]], kind: str, reference: str, place: str) -> None:
    if reference not in known[kind]:
        raise ScenarioError(f"{place}.{kind}", f"unknown {kind} {_shown(reference)}")
