"""Every page of the table for everybody who may open it: whole, named, in order, and in the reader's language."""

from __future__ import annotations

from collections import defaultdict

import pytest
from django.conf import settings as configured
from django.core.cache import cache

from tests.pages import test_access as access
from tests.pages.support import Scene, signed_in
from tests.pages.walking import faults_of, said_otherwise, texts, untranslated, walk

pytestmark = pytest.mark.django_db

things = access.things


# Two addresses of what is the same page to its reader.
ONE_PAGE = (
    {"account_confirm_email", "account_email_verification_sent"},
    {"account_reset_password", "account_reset_password_from_key"},
    {"account_reauthenticate", "mfa_reauthenticate"},
    {"account_reauthenticate", "mfa_reauthenticate_webauthn"},
)
# English words that are words of the other language, or data, as well.
# (names of a language where one chooses, of somebody in the scene)
DATA = {":", "Individual learning accounts", "English", "Auditor", "Investigator", "Payer"}
WORDS_OF_BOTH = {"fr": {*DATA, "Files", "Pays", "Places", "grade"}, "nl": DATA}
# Each for a reason of its own (docs/decisions/0096, 0175): everything else that a learner may open is Dutch.
NOT_DUTCH = {
    "award_terms": "for who writes programs; in English by its own words",
    "scheme": "the rules of a scheme whose law is not Dutch",
    "schemes": "the same rules, of each scheme",
    "learning_account_open": "the same rules, before an account is opened",
    "employer_register": "for who acts for an employer: its form is of the register of companies",
    "provider_join": "for who acts for a provider",
}
# What a language calls itself is the same in every language.
OWN_NAMES = {str(name) for _code, name in configured.LANGUAGES}


class Found:
    """Faults, each with the pages that have it."""

    def __init__(self) -> None:
        self._pages: dict[str, set[str]] = defaultdict(set)

    def add(self, fault: str, page: str) -> None:
        """Note one."""
        self._pages[fault].add(page)

    def __str__(self) -> str:
        lines = (f"{fault} ({', '.join(sorted(pages)[:4])})" for fault, pages in sorted(self._pages.items()))
        return f"{len(self._pages)} faults\n" + "\n".join(lines)

    def __bool__(self) -> bool:
        return bool(self._pages)


def test_every_page_is_whole_and_named(scene: Scene, things: access.Things) -> None:
    found = Found()
    for part, user in scene.people.items():
        titles: dict[str, str] = {}
        for name, _address, page in walk(signed_in(user), part, access.EXPECTED, things.arguments):
            for fault in faults_of(page):
                found.add(fault, name)
            title = page.findtext("head/title") or ""
            other = titles.setdefault(title, name)
            if other != name and {name, other} not in ONE_PAGE:
                found.add(f"title {title!r} of two pages", f"{name} and {other}")
    assert not found, str(found)


@pytest.mark.parametrize(
    ("language", "parts"),
    [("fr", access.PARTS), ("nl", ("anonymous", "learner"))],
)
def test_every_page_is_in_the_readers_language(
    scene: Scene, things: access.Things, language: str, parts: tuple[str, ...]
) -> None:
    found = Found()
    english = said_otherwise(language) - WORDS_OF_BOTH[language]
    for part in parts:
        client = signed_in(scene.people[part])
        client.cookies[configured.LANGUAGE_COOKIE_NAME] = language
        cache.clear()
        with untranslated(language) as missing:
            # Columns of files are for who fills them in: Dutch is asked for on pages.
            passed = missing.clear if language == "nl" else missing.copy
            pages = walk(client, part, access.EXPECTED, things.arguments, passed=passed)
            for name, _address, page in pages:
                if language == "nl" and name in NOT_DUTCH:
                    missing.clear()
                    continue
                for fault in faults_of(page, language=language):
                    found.add(fault, name)
                for text in {*texts(page)} & english:
                    found.add(f"in English: {text!r}", name)
                for message in missing - OWN_NAMES:
                    found.add(f"not translated: {message!r}", name)
                missing.clear()
    assert not found, str(found)
