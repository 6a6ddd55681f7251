"""Numbers that organisations are registered under, checked by their own rules."""

from __future__ import annotations

import re

from stdnum import get_cc_module
from stdnum.exceptions import ValidationError
from stdnum.fr import siret

from catalogue.registers import ETPL_NJ, OWN, SIRET, register_of
from ila.core.errors import DomainError

_OTHER = re.compile(r"[A-Z0-9][A-Z0-9 ./-]{2,39}")


def checked_number(register: str, country: str, text: str) -> str:
    """A registration number in its one compact form.

    SIRET: 14 digits that pass their checks. This platform's own register: a VAT number of the country, written with
    its two letters, where the country's are known and it looks like one; else any number of 3 to 40 letters and
    digits, with the country before it. Raises: DomainError `invalid` with the reason `siret`, `vat` or `number`.
    """
    plain = " ".join(text.split()).upper()
    if register == SIRET.code:
        try:
            return str(siret.validate(plain))
        except ValidationError as error:
            raise DomainError("invalid", status=422, what="number", reason="siret") from error
    if register not in (ETPL_NJ.code, OWN.code):
        raise DomainError("invalid", status=422, what="register", reason="register")
    if not _OTHER.fullmatch(plain):
        raise DomainError("invalid", status=422, what="number", reason="number")
    if register != OWN.code:
        return plain
    plain = plain.removeprefix(f"{country.upper()}-")
    if plain[:2] in (country.upper(), _VAT_PREFIX.get(country.upper())):
        return _vat(country, plain)
    # Two countries may give the same number to two organisations.
    return f"{country.upper()}-{plain}"


def register_number(country: str, text: str) -> str:
    """A number of a country's own register in its one compact form, as `checked_number` has it: `BE-0403170701`.

    Raises: DomainError `invalid` with the reason `number`.
    """
    plain = " ".join(text.split()).upper().removeprefix(f"{country.upper()}-")
    if not _OTHER.fullmatch(plain):
        raise DomainError("invalid", status=422, what="number", reason="number")
    return f"{country.upper()}-{plain}"


def vat_number(country: str, text: str) -> str:
    """A VAT number of that country with its two letters. Raises: DomainError `invalid` with the reason `vat`."""
    prefix = _VAT_PREFIX.get(country.upper(), country.upper())
    if get_cc_module(country.lower(), "vat") is None:
        raise DomainError("invalid", status=422, what="number", reason="vat")
    plain = " ".join(text.split()).upper()
    return _vat(country, plain if plain.startswith(prefix) else f"{prefix}{plain}")


def country_of(register: str, number: str) -> str:
    """The country that a provider's number tells of; its register's where the number tells none."""
    letters = _COUNTRY_OF_PREFIX.get(number[:2], number[:2])
    if register == OWN.code and re.fullmatch(r"[A-Z]{2}", letters):
        return letters
    return register_of(register).country


_VAT_PREFIX = {"GR": "EL"}
_COUNTRY_OF_PREFIX = {"EL": "GR"}


def _vat(country: str, plain: str) -> str:
    module = get_cc_module(country.lower(), "vat")
    if module is None:
        return plain
    try:
        number = str(module.validate(plain))
    except ValidationError as error:
        raise DomainError("invalid", status=422, what="number", reason="vat") from error
    prefix = _VAT_PREFIX.get(country.upper(), country.upper())
    return number if number.startswith(prefix) else f"{prefix}{number}"
