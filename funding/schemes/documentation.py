"""`docs/schemes.md`, written from the typed model and the presets so that it cannot lag behind them.

`python -m funding.schemes.documentation` rewrites it; a test refuses a stale one.
"""

from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from funding.schemes import vocabulary
from funding.schemes.parsing import parameters
from funding.schemes.presets import load_preset, preset_codes
from funding.schemes.rules import SchemeRules

PATH = Path(__file__).resolve().parents[2] / "docs" / "schemes.md"

_HEAD = """\
# Schemes: parameters and presets

Written by `python -m funding.schemes.documentation`; do not edit.

A scheme's rules are dated versions. Each version is a complete set of the parameters below. A parameter
that is `null` says that the scheme has no such rule. Amounts are cents; wd are working days of the scheme's
country, where the n-th working day after a day does not count that day and a term runs to the end of its
last day. The names are those that a scenario's `rules` may override: a value replaces the whole parameter,
and a set that contradicts itself is refused with every fault named.

## How the parts of a price are found

1. A kind that the scheme does not pay, or a light licence asked by who holds one, is refused (F-17, F-15).
2. Usable money: lots of drawn sources that are not empty, not past their last day and not kept for
   something else; the capped sources together give at most the usage cap (F-13), public money together at most its
   share of the price, its amount for each planned hour and the most of a first booking; the others come on top.
3. No usable money: `insufficient_rights`. What usable money does not cover is the shortfall.
4. The booking is planned without participation first. If that plan draws a cent of an employer's money, or
   the learner is exempt, it stands (F-10). Otherwise the learner pays max(participation, shortfall), or
   their sum, never more than the price (F-08, F-12), and the rest is drawn again; less is then drawn in the
   same order, so that an employer's money that the first plan did not reach is not reached now either.
5. Sources are drawn class after class, within a class what expires first, what never expires last (F-07).
6. A conditional light licence needs the status, or a cent of co-funding in the plan that stands (F-14).

An employer's endowment is an employer's money as much as a top-up: with an endowment of 400, rights of
1,000 and a price of 900 the learner pays nothing. Which sources waive is `participation_exempt_sources`;
public top-ups do not waive the participation, yet count as co-funding of a light licence
(`light_licence_cofunding_sources`).

Where grants come from windows (`funding` window), the grant is the price, at most `grant_cents`, and the rest is
the learner's. Where the learner is given a part back (reimbursement), the whole price is the learner's own money.

A version never changes: a rule change is a new version with a later first day, and a booking keeps the rules of the
day on which the learner accepted, or applied. Rules without an id are those of schemes that number none.

## Parameters

| name | rule | unit | default | meaning |
|---|---|---|---|---|
"""


def schemes_page() -> str:
    """The whole page."""
    lines = [_HEAD + "\n".join(_row(name, field) for name, field in parameters().items()), "", "## Words", ""]
    for title, words in (
        ("kinds", vocabulary.KINDS),
        ("sources", vocabulary.SOURCES),
        ("statuses", vocabulary.STATUSES),
        ("reasons (of an exit)", vocabulary.EXIT_REASONS),
    ):
        lines.append(f"- **{title}**: {', '.join(words)}")
    lines += ["", f"The learner's own money is the source `{vocabulary.LEARNER}`."]
    for code in preset_codes():
        lines += _preset(code)
    return "\n".join(lines) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    about: dict[str, Any] = extra if isinstance(extra, dict) else {}
    choices = [word for part in get_args(field.annotation) for word in get_args(part)] or list(
        get_args(field.annotation)
    )
    unit = about["unit"]
    if unit == "choice":
        unit = " or ".join(str(choice) for choice in choices if isinstance(choice, str))
    default = "required" if field.is_required() else _shown(field.get_default(call_default_factory=True))
    return f"| {name} | {about['rule']} | {unit} | {default} | {field.description} |"


def _shown(value: Any) -> str:
    """A value as it is written in a scenario."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(part) for part in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(part)}" for key, part in value.items()) + "}"
    return str(value)


def _preset(code: str) -> list[str]:
    preset = load_preset(code)
    lines = ["", f"## {preset.name} (`{code}`)", ""]
    lines += [f"{preset.country}, {preset.timezone}, {preset.currency}.", ""]
    lines += ["| from | what it sets, or changes |", "|---|---|"]
    before: SchemeRules | None = None
    for valid_from, rules in preset.versions:
        changes = [
            f"{name} {_shown(getattr(rules, name))}"
            for name in sorted(rules.model_fields_set - {"country", "timezone", "currency"})
            if before is None or getattr(before, name) != getattr(rules, name)
        ]
        lines.append(f"| {valid_from} | {'<br>'.join(changes)} |")
        before = rules
    return lines


if __name__ == "__main__":
    PATH.write_text(schemes_page(), encoding="utf-8")
