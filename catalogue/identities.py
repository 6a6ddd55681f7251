"""Numbers that organisations are registered under, checked by their own rules."""

from __future__ import annotations

import re

from stdnum import get_cc_module
from stdnum.exceptions import ValidationError
from stdnum.fr import siret

from catalogue.registers import ETPL_NJ, OWN, SIRET
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


_VAT_PREFIX = {"GR": "EL"}


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
