"""The columns of the platform's own table in words: what each is, and an example. In the reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from catalogue.importing import cells
from catalogue.importing.template import COLUMNS, NEEDED


@dataclass(frozen=True)
class Column:
    """A column of the table. allowed: the words that it knows, if it knows only some."""

    name: str
    means: Any
    example: str
    allowed: tuple[str, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether the table must have it."""
        return self.name in NEEDED


_YES_NO = ("yes", "no")
_ALL = (
    Column(
        "provider",
        _("The provider's number, in every row. By default a SIRET: 14 digits."),
        "50000000000017",
    ),
    Column(
        "provider_scheme",
        _("Whose number that is. Empty: SIRET. platform: the identifier that the register export names."),
        "siret",
        cells.PROVIDER_SCHEMES,
    ),
    Column(
        "provider_country",
        _("The country of the number, two letters: needed for a national register."),
        "",
    ),
    Column("entry_number", _("The provider's own number of the entry, in every row."), "AGILE-1"),
    Column("title", _("The title, without markup."), "Conduct a project with agile methods"),
    Column("kind", _("What it is."), "rs", cells.KINDS),
    Column("code", _("Its code in the national register, if it has one."), "RS6604"),
    Column(
        "goals",
        _("What learners can do afterwards. Plain text or simple HTML."),
        "<p>Plan, run and close a project in short rounds.</p>",
    ),
    Column("content", _("What is taught. Plain text or simple HTML."), ""),
    Column("language", _("The language it is taught in, two letters."), "en"),
    Column("hours", _("Hours of teaching. Empty: not specified."), "35"),
    Column("workload", _("The learner's effort, counted in workload_scheme."), "2"),
    Column(
        "workload_scheme",
        _("What the workload is counted in. It is never converted."),
        "ects",
        cells.WORKLOAD_SCHEMES,
    ),
    Column("eqf_level", _("The level of the European qualifications framework, 1 to 8."), "5"),
    Column(
        "national_level", _("The level of the country's own framework, as it is called there."), "Niveau 5"
    ),
    Column(
        "isced_field", _("The field of ISCED-F 2013: two to four digits. Format the column as text."), "0413"
    ),
    Column(
        "skills",
        _("Addresses of ESCO skills or occupations, separated by spaces."),
        "http://data.europa.eu/esco/skill/00735755-adc6-4ea0-b034-b8caff339c9f",
    ),
    Column("formacodes", _("FORMACODE numbers of five digits, separated by commas."), "32154"),
    Column("cip_code", _("The code of CIP 2020, as 11.0701. Format the column as text."), "52.0211"),
    Column(
        "has_prerequisites", _("Whether something is needed before. Empty: not specified."), "no", _YES_NO
    ),
    Column("currency", _("The currency of the price. Empty: euros."), "EUR", cells.CURRENCIES),
    Column(
        "offer_number",
        _("The number of a place or way of teaching. May be empty where there is one only."),
        "LYON",
    ),
    Column("mode", _("How learners take part."), "in_person", cells.MODES),
    Column("place", _("The name of the place."), "Room 3"),
    Column("street", _("Street and number."), "12 rue de la Paix"),
    Column("postcode", _("The postcode. Format the column as text."), "69002"),
    Column("city", _("The town."), "Lyon"),
    Column("country", _("The country, two letters."), "FR"),
    Column("latitude", _("Degrees north. Comes with longitude."), "45.76"),
    Column("longitude", _("Degrees east. Comes with latitude."), "4.83"),
    Column("price", _("What it costs, all taxes included: digits and a point."), "1650.00"),
    Column("session_number", _("The number of a session. One row for each session."), "JUNE"),
    Column("starts", _("The first day, as 2027-06-14."), "2027-06-14"),
    Column("ends", _("The last day, as 2027-06-18."), "2027-06-18"),
    Column("open", _("Whether it can be booked. Empty: yes."), "yes", _YES_NO),
    Column("guaranteed", _("Whether it takes place whatever happens. Once given, it stays."), "no", _YES_NO),
)
BY_NAME = {column.name: column for column in _ALL}
TABLE = tuple(BY_NAME[name] for name in COLUMNS)


def hint(field: str | None) -> str:
    """What the column of a problem is, with the words it knows; empty for what is no column of the table."""
    column = BY_NAME.get((field or "").rsplit("/", 1)[-1])
    if column is None:
        return ""
    return f"{column.means} ({', '.join(column.allowed)})" if column.allowed else str(column.means)
