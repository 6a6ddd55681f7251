"""What the values of scheme parameters read like: amounts, days and lists in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from catalogue.words import KINDS
from funding.schemes.parameters import AgeCredit
from funding.schemes.parsing import parameters
from funding.words import EXIT_REASONS, SOURCES
from ila.core.countries import country_name
from ila.core.money import format_cents

STATUSES: dict[str, Promise] = {
    "employed": _("employed"),
    "job_seeker": _("job-seeker"),
    "self_employed": _("self-employed"),
    "student": _("student"),
    "retired": _("retired"),
    "inactive": _("without work and not looking for any"),
}
ENDOWMENTS: dict[str, Promise] = {
    "voluntary": _("voluntary"),
    "supplementary": _("supplementary (collective agreement)"),
    "corrective": _("corrective"),
    "dismissal": _("after a dismissal"),
    "whistle_blower": _("whistle-blower's"),
}
CONDUCT: dict[str, Promise] = {
    "F-11": _("A provider never pays the participation back; an employer may."),
    "F-33": _(
        "Nobody may canvass you by phone, message, e-mail or social network, unless it concerns a training you take."
    ),
    "F-35": _("A provider subcontracts by written contract only, and tells the agency."),
    "N-12": _("Gifts, trips and devices as an inducement are forbidden."),
    "S-09": _("After the start nothing is refunded in cash: refunds go to the agency."),
    "S-11": _("An employer may not ask you to use your credit for training that it sends you to."),
    "S-12": _(
        "Advertising may not say free, funded, accredited or paid by the government, and may not offer prizes or "
        "gifts. Nobody may ask for your sign-in."
    ),
    "S-13": _("No third-party promoters, and no selling with the expiry of credits."),
    "S-15": _("You are asked about the quality on the last day, and about the outcome some months later."),
}
CHOICES: dict[str, dict[str, Promise]] = {
    "rulebook": {
        "F": _("the French rules (F)"),
        "N": _("the Dutch rules (N)"),
        "S": _("the Singapore rules (S)"),
    },
    "accrual": {
        "none": _("nothing by itself"),
        "yearly_by_hours": _("each year, by hours worked"),
        "yearly": _("each year, the same for everybody"),
        "once": _("once"),
    },
    "accreditation": {
        "provider": _("the provider's"),
        "programme": _("the training's"),
        "both": _("the provider's and the training's"),
        "supervisory": _("the provider's, by the supervising authority"),
    },
    "funding": {
        "account": _("money on a learning account"),
        "window": _("grants, applied for in a window with a budget"),
        "reimbursement": _("a part of what the learner paid, given back afterwards"),
    },
    "participation_mode": {
        "max": _("the greater of participation and shortfall"),
        "sum": _("the sum of participation and shortfall"),
    },
    "once": {"per_year": _("once a calendar year"), "ever": _("once ever")},
}
NOTHING = _("no such rule")


def cents(amount: int, currency: str) -> str:
    """An amount as the reader's language writes it, without a useless .00."""
    text = format_cents(amount, currency, get_language() or "en")
    return re.sub(r"[.,]00(?=\D*$)", "", text) if amount % 100 == 0 else text


def day(value: date) -> str:
    """A day in words."""
    return date_format(value, "j F Y").replace(" ", "\u00a0", 1)


def days(n: int) -> str:
    """Calendar days."""
    return ngettext("%(n)s day", "%(n)s days", n) % {"n": n}


def working_days(n: int) -> str:
    """Working days of the scheme's country."""
    return ngettext("%(n)s working day", "%(n)s working days", n) % {"n": n}


def months(n: int) -> str:
    """Months."""
    return ngettext("%(n)s month", "%(n)s months", n) % {"n": n}


def years(n: int) -> str:
    """Years."""
    return ngettext("%(n)s year", "%(n)s years", n) % {"n": n}


def hours(n: int) -> str:
    """Hours."""
    return ngettext("%(n)s hour", "%(n)s hours", n) % {"n": n}


def age(n: int) -> str:
    """An age in months, in years and months."""
    whole, rest = divmod(n, 12)
    return years(whole) if not rest else f"{years(whole)} {_now('and')} {months(rest)}"


def percent(n: int) -> str:
    """A share."""
    return _now("%(n)s%%") % {"n": n}


def listed(parts: Iterable[object]) -> str:
    """Words one after the other."""
    return ", ".join(str(part) for part in parts)


def lower(text: object) -> str:
    """A word inside a sentence: small at its beginning, unless it is a name (CléA, RS)."""
    word = str(text)
    return (
        word
        if len(word) > 1 and any(letter.isupper() for letter in word[1:4])
        else word[:1].lower() + word[1:]
    )


def kinds(names: Iterable[str]) -> str:
    """Kinds of training."""
    return listed(lower(KINDS[name]) for name in names)


def sources(names: Iterable[str]) -> str:
    """Sources of money."""
    return listed(lower(SOURCES[name]) for name in names)


def statuses(names: Iterable[str]) -> str:
    """What learners are."""
    return listed(STATUSES[name] for name in names)


def shown(name: str, value: Any, currency: str) -> str:
    """A parameter's value in words, with its unit."""
    about: Any = parameters()[name].json_schema_extra
    unit = str(about["unit"])
    if value is None or (isinstance(value, tuple | dict) and not value):
        return str(NOTHING)
    if isinstance(value, bool):
        return _now("yes") if value else _now("no")
    if name in CHOICES or name == "country":
        return country_name(value) if name == "country" else str(CHOICES[name].get(value, value))
    if isinstance(value, Mapping):
        return _mapped(name, value, unit, currency)
    return _several(value, unit, currency) if isinstance(value, tuple) else _single(value, unit, currency)


def credit(one: AgeCredit, currency: str) -> str:
    """A credit at an age, in one sentence."""
    values = {"cents": cents(one.cents, currency), "years": one.years, "source": lower(SOURCES[one.source])}
    if one.first_day is not None and one.last_day == one.first_day:
        text = _now("Whoever was at least %(years)s on %(day)s received %(cents)s once (%(source)s).")
        text = text % {**values, "day": day(one.first_day)}
    elif one.first_day is not None:
        text = _now(
            "At the age of %(years)s you receive %(cents)s (%(source)s), at the earliest on %(day)s."
        ) % {**values, "day": day(one.first_day)}
    else:
        text = _now("At the age of %(years)s you receive %(cents)s (%(source)s).") % values
    if one.last_day is not None and one.last_day != one.first_day:
        text += " " + _now("It is given until %(day)s.") % {"day": day(one.last_day)}
    if one.absorbs_expiring:
        text += " " + _now("What is left of an earlier credit of this kind no longer expires.")
    return text


def _mapped(name: str, value: Mapping[Any, Any], unit: str, currency: str) -> str:
    if unit == "cents by kind":
        words: Mapping[str, object] = ENDOWMENTS if name.startswith("endowment") else KINDS
        return listed(f"{lower(words[key])}: {cents(part, currency)}" for key, part in value.items())
    if unit == "percent by kind":
        return listed(f"{lower(KINDS[key])}: {percent(part)}" for key, part in value.items())
    if unit == "months by year":
        return listed(f"{key}: {age(part)}" for key, part in value.items())
    return "; ".join(f"{lower(SOURCES[key])}: {kinds(part)}" for key, part in value.items())


def _several(value: tuple[Any, ...], unit: str, currency: str) -> str:
    text: dict[str, Callable[[Any], str]] = {
        "kinds": kinds,
        "sources": sources,
        "statuses": statuses,
        "reasons": lambda names: listed(EXIT_REASONS[name] for name in names),
        "classes of sources": lambda classes: "; ".join(sources(each) for each in classes),
        "credits": lambda given: " ".join(credit(each, currency) for each in given),
    }
    return text.get(unit, listed)(value)


def _single(value: Any, unit: str, currency: str) -> str:
    if unit == "cents":
        return cents(value, currency)
    text: dict[str, Callable[[Any], str]] = {
        "percent": percent,
        "wd": working_days,
        "days": days,
        "months": months,
        "years": years,
        "hours": hours,
        "grants": lambda n: ngettext("%(n)s grant", "%(n)s grants", n) % {"n": n},
        "level": lambda n: _now("level %(n)s") % {"n": n},
        "grade": lambda n: _now("grade %(n)s") % {"n": n},
    }
    return text.get(unit, str)(value)
