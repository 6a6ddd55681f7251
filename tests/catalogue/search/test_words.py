"""Words: beginnings, stems in three languages, accents, typing errors."""

import pytest

from catalogue.importing.values import folded
from catalogue.models import ListingWord
from catalogue.selectors import words
from catalogue.services import listings
from tests.catalogue.search.conftest import Add, Look, titles


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Gérer des équipes", "gerer equipe"),
        ("Œuvres d'art", "oeuvre"),
        ("Cœur de métier", "coeur metiers"),
        ("Formation à la soudure", "formations soudures"),
        ("Studies of history", "study"),
        ("Managing teams", "manage team"),
        ("Opleidingen lassen", "opleiding"),
        ("Node.js for beginners", "js"),
        ("Conduite d'engins", "engins"),
        ("Straßenbau", "strassenbau"),
        ("ＦＵＬＬ width", "full"),
        ("C++ and IT", "it"),
    ],
)
def test_a_title_is_found_however_it_is_written(add: Add, look: Look, title: str, asked: str) -> None:
    add(title, language={"Opleidingen lassen": "nl"}.get(title, "en"))
    assert titles(look(q=asked)) == [title]


def test_empty_words_do_not_stand_in_the_way(add: Add, look: Look) -> None:
    add("Formation de soudeur")
    assert titles(look(q="formation pour soudeur")) == ["Formation de soudeur"]
    assert words.words_of("de la") == ("de", "la")
    assert words.words_of("the art of welding") == ("art", "welding")


def test_a_title_comes_before_a_mention(add: Add, look: Look) -> None:
    add("Baking", text="with a little welding")
    add("Welding")
    assert titles(look(q="welding")) == ["Welding", "Baking"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("weldign", "welding"),
        ("wleding", "welding"),
        ("weldin g", None),
        ("photograhpy", "photography"),
        ("fotography", "photography"),
        ("soudrue", "soudure"),
    ],
)
def test_a_typing_error_is_forgiven_and_said(add: Add, look: Look, typed: str, meant: str | None) -> None:
    for title in ("Welding", "Photography", "Soudure", "Gardening"):
        add(title)
    found = look(q=typed)
    if meant is None:
        assert found.total <= 1
    else:
        assert [title.lower() for title in titles(found)] == [meant]
        assert dict(found.search.spellings) == {typed: [meant]}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("comptabilité", "comptable"),
        ("comptabilite", "comptable"),
        ("plomberie", "plombier"),
        ("photographer", "photography"),
        ("lasserij", "lasser"),
        ("complaint", None),
        ("plo", None),
    ],
)
def test_a_word_that_nobody_has_finds_its_family(add: Add, look: Look, typed: str, meant: str | None) -> None:
    for title in ("Comptable", "Comptoir", "Plombier", "Photography", "Lasser"):
        add(title)
    found = look(q=typed)
    assert dict(found.search.spellings) == ({typed.replace("é", "e"): [meant]} if meant else {})
    if meant:
        assert titles(found) == [meant.capitalize()]


def test_one_wrong_word_among_right_ones(add: Add, look: Look) -> None:
    add("Welding for artists")
    add("Welding for farmers")
    assert titles(look(q="welding artsits")) == ["Welding for artists"]


def test_a_rare_word_is_asked_back(add: Add, look: Look) -> None:
    for number in range(25):
        add(f"Plumbing {number}", days=None)
    add("Plumming of sheep")
    listings.bring_all_up_to_date()
    listings.count_words()
    found = look(q="plumming")
    assert titles(found) == ["Plumming of sheep"]
    assert found.meant == {"plumming": "plumbing"}


def test_words_that_nobody_has_any_more_are_forgotten(add: Add, look: Look) -> None:
    entry = add("Xylophone")
    look()
    assert ListingWord.objects.filter(word="xylophone").exists()
    entry.title = entry.search_text = "drums"
    entry.save()
    look()
    listings.count_words()
    assert not ListingWord.objects.filter(word="xylophone").exists()
    assert ListingWord.objects.get(word="drums").entries == 1


def test_look_alike_letters_are_read_as_letters() -> None:
    assert folded("𝐖𝐞𝐥𝐝𝐢𝐧𝐠 ﬁ Ⅳ") == "welding fi iv"
