"""Codes that say what a micro-credential is about: checked by their lists, or their shape."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from ila.core.errors import DomainError

# ISCED-F 2013: the broad fields, and the narrow ones under each.
_ISCED: dict[str, str] = {
    "00": "001 002 003",
    "01": "011 018",
    "02": "021 022 023 028 029",
    "03": "031 032 038 039",
    "04": "041 042 048 049",
    "05": "051 052 053 054 058 059",
    "06": "061 068",
    "07": "071 072 073 078 079",
    "08": "081 082 083 084 088 089",
    "09": "091 092 098 099",
    "10": "101 102 103 104 108 109",
    "99": "999",
}
_NARROW = {code for codes in _ISCED.values() for code in codes.split()}
# CIP 2020: its series of two digits.
_CIP_SERIES = {
    *("01", "03", "04", "05", "09", "10", "11", "12", "13", "14", "15", "16", "19", "21", "22", "23", "24"),
    *("25", "26", "27", "28", "29", "30", "31", "32", "33", "34", "35", "36", "37", "38", "39", "40", "41"),
    *("42", "43", "44", "45", "46", "47", "48", "49", "50", "51", "52", "53", "54", "60", "61"),
}
_CIP = re.compile(r"([0-9]{2})\.[0-9]{2}(?:[0-9]{2})?")
_FORMACODE = re.compile(r"[1-9][0-9]{4}")
_ESCO = re.compile(
    r"http://data\.europa\.eu/esco/(?:skill|occupation)/"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|C?[0-9]+(?:\.[0-9]+)*|S[0-9]+(?:\.[0-9]+)*)"
)
_NOWHERE = ("localhost", "local", "internal", "invalid", "test", "example", "onion", "arpa", "lan", "home")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")


def checked_isced(text: str) -> str:
    """A field of ISCED-F 2013: two, three or four digits of a field that there is. Raises: DomainError `invalid`."""
    code = text.strip()
    known = (
        code.isascii()
        and code.isdigit()
        and (code in _ISCED or (code[:3] in _NARROW and len(code) in (3, 4)))
    )
    return code if known else _refuse("isced_field")


def checked_cip(text: str) -> str:
    """A code of CIP 2020, as 11.07 or 11.0701. Raises: DomainError `invalid`."""
    code = text.strip()
    match = _CIP.fullmatch(code)
    return code if match and match[1] in _CIP_SERIES else _refuse("cip_code")


def checked_formacodes(text: str) -> list[str]:
    """FORMACODE numbers, five digits each, separated by commas or spaces. Raises: DomainError `invalid`."""
    return _each(text, _FORMACODE, "formacodes")


def checked_skills(text: str) -> list[str]:
    """ESCO addresses of skills or occupations, one a line. Raises: DomainError `invalid`."""
    return _each(text.replace("https://data.europa.eu/", "http://data.europa.eu/"), _ESCO, "skills")


def checked_link(text: str) -> str:
    """An address on the public web. Raises: DomainError `invalid` for one that leads nowhere or inside."""
    link = text.strip()
    try:
        parts = urlsplit(link)
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except (ValueError, UnicodeError):
        return _refuse("link")
    if parts.scheme not in ("http", "https") or parts.username is not None or port not in (None, 80, 443):
        return _refuse("link")
    if _is_address(host) or not _HOST.fullmatch(host) or host.rsplit(".", 1)[-1] in _NOWHERE:
        return _refuse("link")
    return link


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _each(text: str, shape: re.Pattern[str], what: str) -> list[str]:
    codes = list(dict.fromkeys(code for code in re.split(r"[\s,;]+", text.strip()) if code))
    if len(codes) > 30 or not all(shape.fullmatch(code) for code in codes):
        _refuse(what)
    return codes


def _refuse(what: str) -> str:
    raise DomainError("invalid", status=422, what=what, reason=what)
