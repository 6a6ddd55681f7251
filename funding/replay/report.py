"""The outcome of a scenario for people: what happened at each event, why not, and who holds which cent."""

from collections.abc import Iterator, Mapping
from typing import Any

from funding.replay.plan import Plan
from funding.replay.play import Outcome
from ila.core.money import format_cents

_NOT_SAID = {"at", "do", "booking"}
_LEARNER = (("available_cents", "available"), ("held_cents", "held"), ("spent_cents", "spent"))
_PROVIDER = (
    ("payable_cents", "payable"),
    ("in_transit_cents", "in transit"),
    ("paid_cents", "paid"),
    ("owed_cents", "owed back"),
)


def render(outcome: Outcome) -> str:
    """The whole report, line by line."""
    return "\n".join(_lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    plan = outcome.plan
    yield f"{plan.preset.name}, from {plan.starts.astimezone(plan.zone):%Y-%m-%d %H:%M} ({plan.zone.key})"
    yield ""
    yield "Events"
    yield from _events(outcome)
    yield ""
    yield "Bookings"
    yield from _table(_bookings(outcome)) if outcome.bookings else ["  none"]
    yield ""
    yield "Learners"
    columns: tuple[tuple[str, str], ...] = _LEARNER
    if any("reimbursed_cents" in each for each in outcome.learners.values()):
        columns = (*_LEARNER, ("reimbursed_cents", "given back"))
    yield from _table(_sums(outcome.learners, columns, plan), first="learner")
    for name, learner in outcome.learners.items():
        for lot in learner["lots"]:
            until = f"until {lot['expires']}" if lot["expires"] else "without end"
            yield f"    {name}: {lot['source']} {_money(lot['available_cents'], plan)}, {until}"
    yield ""
    yield "Providers"
    yield from _table(_sums(outcome.providers, _PROVIDER, plan), first="provider")
    yield ""
    if outcome.ok:
        yield "Audit: every invariant holds."
    else:
        yield f"Audit: {len(outcome.violations)} rows break an invariant: {', '.join(outcome.violations)}"


def _events(outcome: Outcome) -> Iterator[str]:
    plan = outcome.plan
    rows: list[tuple[str, str, str, str, str]] = []
    for event, result in zip(plan.scenario.events, outcome.events, strict=True):
        when = f"{result.at.astimezone(plan.zone):%Y-%m-%d %H:%M}"
        if result.fell_due or result.moved_before:
            due = ", ".join(f"{name} {state}" for name, state in result.fell_due)
            rows.append(("", "before", due or "expired", "by itself", _moved(result.moved_before, plan)))
        verdict = "done" if result.ok else f"refused: {result.code}"
        if result.rule:
            verdict += f" ({result.rule})"
        what = " ".join(filter(None, (event.do, getattr(event, "booking", None), _details(event, plan))))
        rows.append((str(result.number), when, what, verdict, result.sentence or _moved(result.moved, plan)))
    widths = [max((len(row[n]) for row in rows), default=0) for n in range(3)]
    for number, when, what, verdict, more in rows:
        yield f"  {number:>{widths[0]}}  {when:>16}  {what:<{widths[2]}}  {verdict}".rstrip()
        if more:
            yield f"  {'':>{widths[0]}}  {'':>16}  {more}"
    if not rows:
        yield "  none"


def _moved(moved: Mapping[str, int], plan: Plan) -> str:
    """The money that moved, to the cent: available −€1,500.00, held +€1,650.00."""
    return ", ".join(
        f"{bucket.replace('_', ' ')} {'+' if cents > 0 else '−'}{_money(abs(cents), plan)}"
        for bucket, cents in moved.items()
    )


def _details(event: Any, plan: Plan) -> str:
    """What else the file says of an event, in its own words."""
    said = []
    for name in type(event).model_fields:
        if name in _NOT_SAID or name not in event.model_fields_set:
            continue
        value = getattr(event, name)
        if value is None:
            continue
        said.append(_money(value, plan) if name.endswith("_cents") else f"{name}={value}")
    return ", ".join(said)


def _bookings(outcome: Outcome) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("booking", "state", "price", "paid by", "flags")]
    for name, booking in outcome.bookings.items():
        shares = ", ".join(
            f"{source} {_money(cents, outcome.plan)}" for source, cents in booking["sources"].items()
        )
        price = _money(booking["price_cents"], outcome.plan)
        rows.append((name, booking["state"], price, shares, ", ".join(booking["flags"])))
    return rows


def _sums(found: dict[str, Any], columns: tuple[tuple[str, str], ...], plan: Plan) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("", *(title for _, title in columns))]
    for name, sums in found.items():
        rows.append((name, *(_money(sums[column], plan) for column, _ in columns)))
    return rows


def _table(rows: list[tuple[str, ...]], *, first: str = "") -> Iterator[str]:
    if first:
        rows[0] = (first, *rows[0][1:])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield ("  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))).rstrip()


def _money(cents: int, plan: Plan) -> str:
    return format_cents(cents, plan.preset.currency)
