"""Every kind of journal entry has words of its own: people read them on accounts, statements and bookings."""

import pytest
from django.utils import translation

from funding.audit.kinds import KINDS
from funding.entry_words import ENTRIES, entry_word


@pytest.mark.parametrize("language", ["en", "fr", "nl"])
def test_every_kind_of_entry_has_words_in_every_language(language: str) -> None:
    with translation.override("en"):
        english = {kind: str(entry_word(kind)) for kind in KINDS}
    with translation.override(language):
        said = {kind: str(entry_word(kind)) for kind in KINDS}
    assert set(KINDS) <= set(ENTRIES)
    if language != "en":
        assert [kind for kind in KINDS if said[kind] == english[kind]] == []


def test_what_undoes_another_entry_says_which() -> None:
    assert entry_word("reverse_hold_booking") == "Undone: Money held for the booking"
    assert entry_word("reverse_net_receivable") == "Owed again: the payment that kept it came back"
