"""What somebody asks the laboratory: a scheme, changed rules, who is played and for which years; checked at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from funding.laboratory import assumptions, generate, report, stored
from funding.laboratory.engine import Setting
from funding.laboratory.people import People
from funding.laboratory.rulesets import LaboratoryError, Timeline, changed, of_preset
from funding.laboratory.tally import Tally
from funding.models import Scheme
from funding.schemes.presets import load_preset, preset_codes
from ila.core import clock

YEARS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """years: five from this one on (stored learners: from the next one) unless given. generated: learners to
    imagine; None: those of this database. seed: which imagined ones."""

    scheme: str
    changes: Mapping[str, Any]
    years: tuple[int, ...] | None = None
    generated: int | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Planned:
    """A request that can be run. learners: how many there are now."""

    request: Request
    setting: Setting
    learners: int
    scheme: Scheme | None

    def population(self) -> Iterable[People]:
        """The learners, in parts."""
        setting, request = self.setting, self.request
        if request.generated is not None:
            return generate.generate(
                before=setting.before,
                after=setting.after,
                years=setting.years,
                number=request.generated,
                seed=request.seed,
            )
        assert self.scheme is not None
        assert setting.opened is not None
        return stored.read(self.scheme, setting.before, setting.years, opened=setting.opened)

    def report(self, tally: Tally) -> dict[str, Any]:
        """The result as plain values. Raises: LaboratoryError for too few learners."""
        setting, request = self.setting, self.request
        population: dict[str, int | str] = {"kind": "stored", "read_on": str(setting.opened)}
        if request.generated is not None:
            population = {
                "kind": "generated",
                "seed": request.seed,
                "assumptions": assumptions.VERSION,
            }
        first_day = date(setting.years[0], 1, 1)
        return report.build(
            report.About(setting.before, setting.after, setting.years, population, first_day), tally
        )


def plan(request: Request) -> Planned:
    """Settle everything that can be wrong before a learner is looked at.

    Raises: LaboratoryError naming each fault: an unknown scheme, rules at fault, years, numbers.
    """
    scheme = Scheme.objects.filter(code=request.scheme).first()
    before = _rules_before(request.scheme, scheme)
    if request.generated is None and scheme is None:
        raise LaboratoryError(
            f"{request.scheme}: no scheme of that code is stored; generate a population instead"
        )
    opened = stored.today(scheme) if request.generated is None and scheme is not None else None
    first = clock.now().year if opened is None else opened.year + 1
    years = request.years or tuple(range(first, first + YEARS))
    after = changed(before, request.changes, first_day=date(years[0], 1, 1))
    setting = Setting(before, after, years, opened)
    planned = Planned(request, setting, request.generated or 0, scheme)
    population = planned.population()  # says at once what is wrong with its number or its years
    if request.generated is not None:
        return planned
    assert scheme is not None
    del population
    return Planned(request, setting, stored.count(scheme), scheme)


def schemes() -> list[str]:
    """Codes of the schemes that can be asked for, stored and shipped."""
    return sorted({*preset_codes(), *Scheme.objects.values_list("code", flat=True)})


def _rules_before(code: str, scheme: Scheme | None) -> Timeline:
    if scheme is not None:
        return stored.timeline_of(scheme)
    try:
        return of_preset(load_preset(code))
    except LookupError:
        raise LaboratoryError(f"scheme {code!r} is unknown: there are {', '.join(schemes())}") from None
