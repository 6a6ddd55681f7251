"""ETPL files for tests: valid unless a test spoils them."""

import csv
from collections.abc import Iterable
from io import StringIO
from typing import Any

PROGRAM: dict[str, Any] = {
    "programid": "11",
    "providerid": "1",
    "officialname": "Welding",
    "cipcode": "480508",
    "tuition": "1000",
    "fees": "100",
    "booksmaterialscost": "50",
    "suppliestoolscost": "0",
    "othercosts": "0",
    "totalcost": "1150",
    "prerequisites": "None",
    "leadtodegree": "True",
    "degreeawardedname": "",
    "leadtolicense": "f",
    "licenseawardedname": "",
    "leadtoindustrycredential": "True",
    "industrycredentialname": "",
    "description": "Learn to weld.",
    "credit": "",
    "totalclockhours": "180",
    "calendarlengthid": "7",
    "submitted": "2000-01-01 00:00:00",
    "statusname": "Approved",
}
PROVIDER: dict[str, Any] = {
    "providerid": "1",
    "name": "Weld School",
    "city": "Newark",
    "state": "NJ",
    "zip": "07102",
    "county": "Essex",
    "licensingagencyid": "1",
    "typeid": "5",
    "certapprovalexp": "",
    "distancelearning": "2",
    "languages": "",
    "childcare": "2",
    "eveningcourses": "1",
    "accessfordisabled": "1",
    "statusname": "Approved",
}


def program(number: str = "11", **changes: Any) -> dict[str, Any]:
    """A programme of provider 1."""
    return {**PROGRAM, "programid": number, **changes}


def provider(number: str = "1", **changes: Any) -> dict[str, Any]:
    """A provider, accredited without end."""
    return {**PROVIDER, "providerid": number, **changes}


def table(rows: Iterable[dict[str, Any]], columns: Iterable[str]) -> str:
    """Rows as CSV."""
    out = StringIO()
    writer = csv.DictWriter(out, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def programs(*rows: dict[str, Any]) -> str:
    """A file of programmes."""
    return table(rows, PROGRAM)


def providers(*rows: dict[str, Any]) -> str:
    """A register."""
    return table(rows, PROVIDER)
