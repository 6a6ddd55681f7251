"""`manage.py replay`: what would these rules do?"""

import json
import os
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from funding import replay
from funding.laboratory import charts, engine, text
from funding.laboratory.request import Request, plan
from funding.laboratory.rulesets import LaboratoryError, read_changes

USAGE = 2
EVERY_S = 5.0
POPULATION_ONLY = ("scheme", "rules", "generate", "seed", "years", "out", "workers")


def years(text: str) -> tuple[int, ...]:
    """`2026-2030`, or a single year, as years."""
    first, _, last = text.partition("-")
    try:
        found = tuple(range(int(first), int(last or first) + 1))
    except ValueError:
        found = ()
    if not found or not all(1900 <= year <= 2999 for year in (found[0], found[-1])):
        raise ArgumentTypeError(f"{text!r} is no range of years like 2026-2030")
    return found


class Command(BaseCommand):
    """Thin: reads the file, plays it, prints the outcome. Exit 1 when the audit fails, 2 for a bad file."""

    help = (
        "Run a scenario through the real services on a virtual clock; nothing of it is kept. "
        "With --population: run changed rules over all learners, stored or generated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scenario", metavar="SCENARIO.json", nargs="?")
        parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
        several = parser.add_argument_group("over a population")
        several.add_argument("--population", action="store_true", help="compare rules over all learners")
        several.add_argument("--scheme", help="code of the scheme: the stored one, else the shipped one")
        several.add_argument("--rules", metavar="FILE", help="changed parameters, JSON or TOML")
        several.add_argument("--generate", metavar="N", type=int, help="imagine so many learners")
        several.add_argument("--seed", metavar="S", type=int, help="which imagined learners (1)")
        several.add_argument("--years", metavar="A-B", type=years, help="years to play (five)")
        several.add_argument(
            "--out", metavar="DIR", help="write the charts (SVG) and the result (JSON) there"
        )
        several.add_argument("--workers", metavar="N", type=int, help="processes (one per core, two at most)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["population"]:
            self._population(options)
            return
        if options["scenario"] is None:
            self._refuse(["the following arguments are required: SCENARIO.json"])
        alone = [f"--{name}" for name in POPULATION_ONLY if options[name] is not None]
        if alone:
            self._refuse([f"{', '.join(alone)}: only with --population"])
        self._scenario(options)

    def _scenario(self, options: dict[str, Any]) -> None:
        try:
            outcome = replay.run_scenario(replay.read_file(options["scenario"]))
        except replay.ScenarioError as error:
            name = replay.one_line(options["scenario"])
            self.stderr.write(f"{name}: {error}")
            sys.exit(USAGE)
        text = json.dumps(outcome.as_json()) if options["json"] else replay.render(outcome)
        self.stdout.write(text)
        if not outcome.ok:
            sys.exit(1)

    def _population(self, options: dict[str, Any]) -> None:
        missing = [f"--{name}" for name in ("scheme", "rules") if options[name] is None]
        if missing:
            self._refuse([f"--population needs {' and '.join(missing)}"])
        if options["scenario"] is not None:
            self._refuse(["SCENARIO.json: not with --population"])
        if options["seed"] is not None and options["generate"] is None:
            self._refuse(["--seed: only with --generate"])
        if options["workers"] is not None and options["workers"] < 1:
            self._refuse(["--workers: at least 1"])
        try:
            folder = _folder(options["out"])
            request = Request(
                scheme=options["scheme"],
                changes=read_changes(options["rules"]),
                years=options["years"],
                generated=options["generate"],
                seed=1 if options["seed"] is None else options["seed"],
            )
            planned = plan(request)
            workers = options["workers"] or min(2, os.cpu_count() or 1)
            if planned.learners < workers * 10_000:
                workers = 1  # a process takes longer to begin than so many learners take
            shown = _Progress(self.stderr, planned.learners)
            result = planned.report(
                engine.run(planned.setting, planned.population(), workers=workers, progress=shown)
            )
        except LaboratoryError as error:
            self._refuse(error.faults)
        shown.end()
        if folder is not None:
            for name in charts.names(result):
                (folder / f"{name}.svg").write_text(charts.draw(result, name), encoding="utf-8")
            (folder / "result.json").write_text(_json(result) + "\n", encoding="utf-8")
        self.stdout.write(_json(result) if options["json"] else text.render(result))

    def _refuse(self, faults: Iterable[str]) -> None:
        for fault in faults:
            self.stderr.write(f"replay: {replay.one_line(fault)}")
        sys.exit(USAGE)


class _Progress:
    """A line on standard error every few seconds of a long run."""

    def __init__(self, stderr: Any, total: int) -> None:
        self._stderr, self._total = stderr, total
        self._began = self._said = time.monotonic()
        self._done = 0

    def __call__(self, done: int) -> None:
        self._done, now = done, time.monotonic()
        if now - self._said >= EVERY_S:
            self._said = now
            self._say(now)

    def end(self) -> None:
        """The last line, where there was one before."""
        if self._said > self._began:
            self._say(time.monotonic())

    def _say(self, now: float) -> None:
        percent = 100 * self._done // max(1, self._total)
        speed = int(self._done / max(0.001, now - self._began))
        line = f"{self._done:,} of {self._total:,} learners ({percent} %), {speed:,} a second"
        with suppress(BrokenPipeError):
            self._stderr.write(line)
            self._stderr.flush()


def _folder(name: str | None) -> Path | None:
    if name is None:
        return None
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LaboratoryError(f"--out {name}: {error.strerror or 'cannot be made'}") from None
    return folder


def _json(result: dict[str, Any]) -> str:
    return json.dumps(result, ensure_ascii=False)
