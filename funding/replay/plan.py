"""The scheme of a scenario: a shipped one under a code of its own, with the rules that the scenario overrides."""

import re
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from funding.replay.reading import ScenarioError
from funding.replay.scenario import Event, OpenWindow, Scenario
from funding.replay.values import instant
from funding.schemes.parsing import RulesError, parameters
from funding.schemes.presets import Preset, load_preset, override, preset_codes
from funding.schemes.rules import SchemeRules

MONTHS = [name for name in SchemeRules.model_fields if name.endswith("_months")]
MAX_MONTHS = 1200
RULE_ID = re.compile(r"\b[FNS]-\d\d\b")


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario with its times in UTC. `at`: of each event, None for at once; `to`: where an advance goes."""

    scenario: Scenario
    preset: Preset
    starts: datetime
    at: tuple[datetime | None, ...]
    to: tuple[datetime | None, ...]

    @property
    def rulebook(self) -> str | None:
        """Whose ids the scheme's rules have: those of the vouchers have none, and others' do not apply."""
        return self.preset.versions[-1][1].rulebook

    @property
    def borrowed_rules(self) -> frozenset[str]:
        """The ids of rules that the scenario gives its scheme by overriding their parameters."""
        described = (str(parameters()[name].json_schema_extra) for name in self.scenario.rules)
        return frozenset(rule for text in described for rule in RULE_ID.findall(text))

    @property
    def has_age_credits(self) -> bool:
        """Whether some version of the rules gives credits at an age."""
        return any(rules.age_credits for _, rules in self.preset.versions)

    @property
    def zone(self) -> ZoneInfo:
        """The scheme's time zone: that of every time without an offset."""
        return ZoneInfo(self.preset.timezone)


def plan_scenario(scenario: Scenario) -> Plan:
    """Settle everything that needs no database: the scheme's rules, and the times, which never go back.

    Raises: ScenarioError for an unknown scheme, rule or value, and a time before an earlier one.
    """
    preset = _with_rules(_preset(scenario.scheme), scenario)
    zone = ZoneInfo(preset.timezone)
    _check_sessions(scenario, zone)
    starts = now = instant(scenario.clock, zone)
    ats: list[datetime | None] = []
    tos: list[datetime | None] = []
    for number, event in enumerate(scenario.events):
        at = None if event.at is None else instant(event.at, zone)
        to = getattr(event, "to", None)
        to = None if to is None else instant(to, zone)
        _check_window(event, number, zone)
        for key, moment in (("at", at), ("to", to)):
            if moment is None:
                continue
            if moment < now:
                raise ScenarioError(
                    f"events[{number}].{key}",
                    f"goes back from {_local(now, zone)} to {_local(moment, zone)}",
                )
            now = moment
        ats.append(at)
        tos.append(to)
    return Plan(scenario, preset, starts, tuple(ats), tuple(tos))


def private(preset: Preset) -> Preset:
    """The same scheme under a code that no stored one has."""
    return replace(preset, code=f"replay-{preset.code}-{secrets.token_hex(8)}"[:40])


def _preset(code: str) -> Preset:
    shipped = preset_codes()
    if code in shipped:
        return load_preset(code)
    raise ScenarioError("scheme", f"{code!r} is unknown: there are {', '.join(shipped)}")


def _with_rules(preset: Preset, scenario: Scenario) -> Preset:
    """The rules overridden in the version that is in force at the clock's day and in all later ones.

    In earlier ones too where they can bear it: a credit for a past year is reckoned by that year's rules,
    and a scenario about that credit means it.
    """
    if not scenario.rules:
        return preset
    day = instant(scenario.clock, ZoneInfo(preset.timezone)).astimezone(ZoneInfo(preset.timezone)).date()
    first = max((valid_from for valid_from, _ in preset.versions if valid_from <= day), default=date.min)
    versions: list[tuple[date, SchemeRules]] = []
    for valid_from, rules in preset.versions:
        try:
            versions.append((valid_from, override(rules, scenario.rules)))
        except RulesError as error:
            if valid_from >= first:
                raise ScenarioError("", _faults(error)) from None
            versions.append((valid_from, _bearable(rules, scenario.rules, error)))
    _check_months(versions)
    in_force = next((rules for valid_from, rules in versions if valid_from >= first), versions[-1][1])
    return replace(
        preset,
        country=in_force.country,
        timezone=in_force.timezone,
        currency=in_force.currency,
        versions=tuple(versions),
    )


def _bearable(rules: SchemeRules, changes: dict[str, Any], error: RulesError) -> SchemeRules:
    """An earlier version with those changes that contradict nothing in it: the others are left out, one by one."""
    left = changes
    while True:
        at_fault = {name for fault in error.faults for name in fault.parameters}
        fewer = {name: value for name, value in left.items() if name not in at_fault}
        if len(fewer) == len(left):
            return rules
        left = fewer
        try:
            return override(rules, left)
        except RulesError as again:
            error = again


def _check_months(versions: list[tuple[date, SchemeRules]]) -> None:
    """A term of months ends within the calendar, whenever it begins."""
    for name, value in ((name, getattr(rules, name)) for _, rules in versions for name in MONTHS):
        months = max(value.values(), default=0) if isinstance(value, dict) else value or 0
        if months > MAX_MONTHS:
            raise ScenarioError(f"rules.{name}", f"{months} months are more than {MAX_MONTHS:,}")


def _faults(error: RulesError) -> str:
    return "; ".join(
        f"{', '.join(f'rules.{name}' for name in fault.parameters)}: {fault.message}"
        for fault in error.faults
    )


def _check_sessions(scenario: Scenario, zone: ZoneInfo) -> None:
    for number, session in enumerate(scenario.sessions):
        if session.starts is None or session.ends is None:
            continue
        if instant(session.ends, zone, end_of_day=True) < instant(session.starts, zone):
            raise ScenarioError(f"sessions[{number}].ends", "comes before the start")


def _check_window(event: Event, number: int, zone: ZoneInfo) -> None:
    if isinstance(event, OpenWindow):
        closes = instant(event.closes, zone, end_of_day=True)
        if closes <= instant(event.opens, zone):
            raise ScenarioError(f"events[{number}].closes", "the window closes before it opens")


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat(timespec="minutes")


def shown(value: Any, zone: ZoneInfo) -> str:
    """A moment as people of the scheme read it."""
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
