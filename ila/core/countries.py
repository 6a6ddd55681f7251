"""Countries as people read them."""

from __future__ import annotations

from functools import cache
from gettext import NullTranslations, translation

import pycountry
from django.utils.translation import get_language


def country_name(code: str) -> str:
    """A country's name in the reader's language; an unknown code (ISO 3166-1 alpha-2) as it is."""
    found = pycountry.countries.get(alpha_2=code)
    return code if found is None else _names(get_language() or "en").gettext(found.name)


@cache
def _names(language: str) -> NullTranslations:
    return translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True)
