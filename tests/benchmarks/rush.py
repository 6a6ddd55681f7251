"""A rush on a window: everybody takes a place, looks at it, and applies in turn until the money is gone.

    python -m tests.benchmarks.rush                      # 5,000 people for 800 grants
    python -m tests.benchmarks.rush --full               # 250,000 people for 40,000 grants
    python -m tests.benchmarks.rush --slices 8 --clients 8

On a prepared database; everything happens in a scratch database on the same server, which is removed afterwards.
Each client is a process that plays its share of the people, in the order of their numbers: a bounded number of
connections, as the web processes are. Exit status 1 when the outcome is not what the rules promise.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ila.settings.dev")
django.setup()

from django.db import connection  # noqa: E402 - after the settings

from funding import audit  # noqa: E402
from funding.bench.apply_window import (  # noqa: E402
    FIRST,
    Applicant,
    applicants,
    apply,
    check_numbers,
    make_people,
    open_window,
    take_place,
)
from funding.bench.bulk import settle  # noqa: E402
from funding.bench.clients import run_clients  # noqa: E402
from funding.bench.figures import Timings, percentile  # noqa: E402
from funding.bench.scratch import scratch_database  # noqa: E402
from funding.bench.world import build_world  # noqa: E402
from funding.models import Application, JournalEntry, Place, Window  # noqa: E402
from funding.selectors import waiting  # noqa: E402
from ila.core import clock  # noqa: E402

PATIENCE_S = 3600.0


def look(one: Applicant) -> None:
    """What a view of the waiting room asks of the database."""
    _, standing = waiting.look(one.actor, one.window_id)
    if standing is None:
        raise RuntimeError("a place was lost")


def wait_and_apply(one: Applicant) -> None:
    """Wait for one's turn, and apply."""
    place = Place.objects.get(window=one.window_id, account=one.number)
    pause = (place.turn_at - clock.now()).total_seconds()
    if pause > 0:
        time.sleep(pause)
    apply(one)


def dealt(people: Sequence[Applicant], clients: int) -> list[Sequence[Applicant]]:
    """Everybody to a client, in turn."""
    return [people[client::clients] for client in range(clients)]


def say(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def report(what: str, timings: Timings, seconds: float) -> None:
    """A line for each phase."""
    done = len(timings.durations_s)
    refused = ", ".join(f"{code} {n}" for code, n in sorted(timings.refused.items())) or "none"
    say(
        f"{what:<22}{done:>9,} in {seconds:8.1f} s {done / seconds:>9,.0f}/s"
        f"   p50 {percentile(timings.durations_s, 50) * 1000:8.1f} ms"
        f"   p99 {percentile(timings.durations_s, 99) * 1000:8.1f} ms   refused: {refused}",
    )


def play(options: argparse.Namespace) -> list[str]:
    """Play the rush. Returns what is not as promised."""
    world = build_world(history=1000, pending=1, crowded=1)
    people = make_people(world, options.people)
    window = open_window(
        people, name="Rush", grants=options.grants, slices=options.slices, per_s=Decimal(str(options.per_s))
    )
    everybody = applicants(window, (FIRST, FIRST + options.people - 1))
    settle()
    began = time.perf_counter()
    places = run_clients(dealt(everybody, options.clients), take_place, seconds=PATIENCE_S)
    report("places", places, time.perf_counter() - began)
    check_numbers(window, options.people)
    began = time.perf_counter()
    some = everybody[:: max(1, options.people // 2000)]
    report(
        "looks at the page",
        run_clients(dealt(some, options.clients), look, seconds=PATIENCE_S),
        time.perf_counter() - began,
    )
    by_account = {one.number: one for one in everybody}
    numbered = Place.objects.filter(window=window).order_by("number").values_list("account_id", flat=True)
    in_turn = [by_account[account] for account in numbered]
    # Behind those who take all the money a tenth more is played: the others read that it is gone.
    in_turn = in_turn[: options.grants + max(100, options.grants // 10)]
    began = time.perf_counter()
    applied = run_clients(dealt(in_turn, options.clients), wait_and_apply, seconds=PATIENCE_S)
    report("applications", applied, time.perf_counter() - began)
    return faults(window, options, len(in_turn), Counter(applied.refused))


def faults(window: Window, options: argparse.Namespace, played: int, refused: Counter[str]) -> list[str]:
    """What a rush must never do."""
    found = []
    granted = Application.objects.filter(window=window)
    number = granted.count()
    left = Window.objects.get(pk=window.pk).left_cents
    if number != options.grants or left:
        found.append(f"{number} grants of {options.grants}, {left} cents left")
    if granted.values("account").distinct().count() != number:
        found.append("somebody was granted twice")
    if refused != Counter({"budget_exhausted": played - options.grants}):
        found.append(f"refused {dict(refused)}")
    codes = {finding.code for each in audit.run().invariants for finding in each.findings}
    # The scratch world's history has no application behind it; what concerns windows has to be clean.
    found += [f"audit: {code}" for code in sorted(codes)]
    gathered = JournalEntry.objects.filter(kind="gather_budget").count()
    say(
        f"{number:,} grants, {left} cents left, parts gathered {gathered} times, audit: {sorted(codes) or 'clean'}"
    )
    return found


def main() -> int:
    """Read the arguments, play, and say how it went."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--grants", type=int, default=800)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--slices", type=int, default=1)
    parser.add_argument("--per-s", type=float, default=1000.0, help="people let through a second")
    parser.add_argument("--full", action="store_true", help="250,000 people for 40,000 grants")
    options = parser.parse_args()
    if options.full:
        options.people, options.grants = 250_000, 40_000
    connection.ensure_connection()
    say(
        f"{options.people:,} people, {options.grants:,} grants, {options.clients} clients,"
        f" {options.slices} part(s), {options.per_s:g} a second, load {os.getloadavg()[0]:.1f}"
    )
    with scratch_database():
        wrong = play(options)
    for each in wrong:
        say(f"WRONG: {each}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
