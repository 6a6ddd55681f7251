"""Where a search looks: a town or a postcode, and how far around it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import cos, radians
from typing import Any

from django.db import connection
from rapidfuzz.distance import OSA

from catalogue.importing.values import folded
from catalogue.registers import REGISTERS
from catalogue.selectors import words
from catalogue.selectors.sql import Sql

EARTH_KM = 6371.0
KM_OF_A_DEGREE = 111.2
DEFAULT_KM = 30
DISTANCES = (5, 10, 30, 50, 100)

_BETWEEN = re.compile(r"[\s\-'’.,;/()]+")
_HAS_DIGIT = re.compile(r"[0-9]")

# Of towns of one name first those in a country whose register is here, then the largest.
_COUNTRIES = ",".join(sorted({register.country for register in REGISTERS.values()}))
_LARGEST = f"ORDER BY country = ANY('{{{_COUNTRIES}}}') DESC, population DESC, id LIMIT 1"
_TOWN = f"SELECT name, country, latitude, longitude FROM catalogue_place WHERE key = %s {_LARGEST}"
_BEGINNING = (
    f"SELECT name, country, latitude, longitude FROM catalogue_place WHERE starts_with(key, %s) {_LARGEST}"
)
_TAUGHT_IN = """
    SELECT key, avg(latitude), avg(longitude) FROM catalogue_spot
     WHERE latitude IS NOT NULL AND length(key) BETWEEN %s AND %s GROUP BY key
"""
_POSTCODE = """
    SELECT postcode, '', avg(latitude), avg(longitude) FROM catalogue_spot
     WHERE postcode = %s AND latitude IS NOT NULL GROUP BY postcode
"""


@dataclass(frozen=True, slots=True)
class Centre:
    """The middle of a search. name: as the register of towns has it, or the postcode."""

    name: str
    country: str
    latitude: float
    longitude: float


def place_key(text: str) -> str:
    """A town's name as it is compared: lower case, without accents, words parted by one space."""
    return _BETWEEN.sub(" ", folded(text)).strip()


def find_centre(text: str) -> Centre | None:
    """The town or postcode that somebody wrote, typing errors forgiven; None when nobody knows it.

    A postcode is known by the towns where it is taught.
    """
    key = place_key(text)
    if not key:
        return None
    name = " ".join(word for word in key.split() if not _HAS_DIGIT.search(word))
    codes = [word for word in key.split() if _HAS_DIGIT.search(word)]
    tried = [(_POSTCODE, code.upper()) for code in codes[:1]]
    if name:
        tried += [(_TOWN, name)]
        if len(name) >= words.BEGINNING:
            tried += [(_BEGINNING, name)]
    for statement, value in tried:
        if (found := _first(statement, value)) is not None:
            return found
    return _nearest(name) if len(name) > words.BEGINNING else None


def around(centre: Centre, km: float) -> Sql:
    """Entries taught within so many kilometres, or in a town of that name whose place is not known. One query."""
    high = km / KM_OF_A_DEGREE
    wide = high / max(0.01, cos(radians(centre.latitude)))
    distance = distance_sql(centre)
    return _taught_at(
        Sql(
            "(latitude BETWEEN %s AND %s AND longitude BETWEEN %s AND %s"
            f" AND {distance.text} <= %s) OR (latitude IS NULL AND key = %s)",
            [
                *(centre.latitude - high, centre.latitude + high),
                *(centre.longitude - wide, centre.longitude + wide),
                *(*distance.params, km, place_key(centre.name)),
            ],
        )
    )


def named(text: str) -> Sql:
    """Entries taught in a town, or under a postcode, that begins so, or that have it among their words. One query."""
    key = place_key(text)
    taught = _taught_at(Sql("starts_with(key, %s) OR starts_with(postcode, %s)", [key, key.upper()]))
    asked = words.words_of(text)
    if not key or not asked:
        return Sql("false")
    query = words.matching(asked)
    return Sql(f"({taught.text} OR line.search @@ ({query.text}))", [*taught.params, *query.params])


def _taught_at(spots: Sql) -> Sql:
    """The spots are found first: how many there are tells the database how to look for the lines."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM catalogue_spot AS place WHERE {spots.text}", spots.params)
        numbers = [number for (number,) in cursor.fetchall()]
    return Sql("line.spots && %s::integer[]", [numbers])


def distance_sql(centre: Centre) -> Sql:
    """Kilometres from the centre to a `place`, along the surface of the earth."""
    return Sql(
        f"{2 * EARTH_KM} * asin(least(1, sqrt(power(sin(radians(place.latitude - %s) / 2), 2)"
        " + cos(radians(%s)) * cos(radians(place.latitude)) * power(sin(radians(place.longitude - %s) / 2), 2))))",
        [centre.latitude, centre.latitude, centre.longitude],
    )


def _nearest(name: str) -> Centre | None:
    """The town where something is taught whose name is nearest to this one, typing errors forgiven."""
    with connection.cursor() as cursor:
        cursor.execute(_TAUGHT_IN, [len(name) - 2, len(name) + 2])
        towns = cursor.fetchall()
    allowed = words.errors_allowed(name)
    near = [(OSA.distance(name, town[0], score_cutoff=allowed), town) for town in towns]
    near = sorted(one for one in near if one[0] <= allowed)
    return Centre(near[0][1][0].title(), "", *near[0][1][1:]) if near else None


def _first(statement: str, value: Any) -> Centre | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [value])
        row = cursor.fetchone()
    return Centre(*row) if row else None
