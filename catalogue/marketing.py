"""Claims that no text about a training may make (S-12, S-13), found in English, French and Dutch, with their place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Final

from catalogue.lookalikes import plain_letter

_TAG = re.compile(r"<[^>]*>")
_AROUND = 40


def _pattern(*alternatives: str) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?:" + "|".join(alternatives) + r")(?!\w)")


# The texts are compared in lower case without accents, as `plain_letter` writes them.
CLAIMS: Final[dict[str, tuple[re.Pattern[str], ...]]] = {
    "free": (
        _pattern(
            r"(?<!-)(?<!sugar )(?<!lead )(?<!duty )free(?! of charge until)"
            r"(?!-?(?:lance|lancer|lancing|hand|standing|style)\b)"
            r"(?! (?:and open source|software|choice|time|trade|movement|will|standing|press|space|radicals?))",
            r"at no cost",
            r"no cost to you",
            r"for nothing",
            r"costs? (?:you )?nothing",
        ),
        _pattern(
            r"gratuit(?:e|es|s|ement)?",
            r"sans frais",
            r"sans rien payer",
            r"0 ?(?:€|euro) a payer",
            r"ne (?:vous )?coute rien",
            r"sans reste a charge",
        ),
        _pattern(r"gratis", r"kostelo(?:os|ze)", r"zonder kosten", r"kost (?:u|je) niets", r"voor niets"),
    ),
    "funded": (
        _pattern(r"(?:(?:fully|100 ?%|government|state)[ -])?funded"),
        _pattern(
            r"finance(?:e|s|es)? (?:a 100 ?%|integralement|totalement|par (?:l'etat|le cpf|votre cpf|la region))",
            r"pris(?:e|es)? en charge (?:a 100 ?%|integralement|totalement|par l'etat)",
            r"100 ?% (?:finance(?:e|s|es)?|pris(?:e|es)? en charge|cpf)",
        ),
        _pattern(r"(?:volledig|100 ?%) (?:gefinancierd|gesubsidieerd|vergoed)(?:e)?", r"gesubsidieerd(?:e)?"),
    ),
    "accredited": (
        _pattern(r"accredited"),
        _pattern(
            r"accredite(?:e|es|s)?",
            r"agree(?:e|es|s)? par l'etat",
            r"reconnu(?:e|es|s)? par l'etat",
            r"certifie(?:e|es|s)? par l'etat",
        ),
        _pattern(
            r"geaccrediteerd(?:e)?",
            r"door de overheid (?:erkend|erkende)",
            r"erkend(?:e)? door de (?:overheid|staat)",
        ),
    ),
    "paid_by_government": (
        _pattern(r"paid (?:for )?by the (?:government|state)", r"the (?:government|state) pays"),
        _pattern(r"paye(?:e|es|s)? par l'etat", r"l'etat paie", r"offert(?:e|s|es)? par l'etat"),
        _pattern(
            r"betaald door de (?:overheid|staat)",
            r"door de (?:overheid|staat) betaald",
            r"de (?:overheid|staat) betaalt",
        ),
    ),
    "lucky_draw": (
        _pattern(r"lucky draws?", r"raffles?", r"prize draws?"),
        _pattern(r"tirages? au sort", r"tombolas?", r"loteries?"),
        _pattern(r"loterij(?:en)?", r"verlotingen?", r"verloting", r"prijstrekking(?:en)?"),
    ),
    "gift": (
        _pattern(
            r"gifts?(?! (?:economy|tax|wrapping))",
            r"giveaways?",
            r"vouchers? for friends",
            r"(?:a|an) (?:laptop|tablet|phone|ipad|smartphone) (?:included|for you)",
        ),
        _pattern(
            r"cadeaux?",
            r"(?:ordinateur|tablette|telephone|smartphone|ipad|console) offert(?:e|s|es)?",
            r"(?:cheque|carte|bon)s? cadeaux?",
        ),
        _pattern(
            r"cadeaus?",
            r"cadeautjes?",
            r"cadeaubon(?:nen)?",
            r"geschenk(?:en)?",
            r"(?:laptop|tablet|telefoon) cadeau",
        ),
    ),
    "referral": (
        _pattern(r"refer(?:ral)? (?:a friend|rewards?|bonus(?:es)?|fees?)", r"bring a friend"),
        _pattern(r"parraine[zr]?(?: un ami)?", r"parrainages?", r"primes? de parrainage"),
        _pattern(r"breng een vriend(?:in)? (?:mee|aan)", r"aanbrengpremies?", r"vrienden ?bonus"),
    ),
    "login": (
        _pattern(r"(?:your|singpass) (?:login|password)"),
        _pattern(
            r"vo(?:s|tre) (?:identifiants?|mots? de passe|numeros? de securite sociale)",
            r"identifiants? franceconnect",
        ),
        _pattern(r"(?:uw|je|jouw) (?:wachtwoord|inloggegevens|login|digid)"),
    ),
    "expiry": (
        _pattern(r"(?:credit|money)[^.]{0,40} (?:expires?|expiring|runs? out)", r"use it or lose it"),
        _pattern(
            r"(?:droits?|solde|cpf|credits?|argent)[^.]{0,40} (?:expirent?|va disparaitre|vont disparaitre|perdus?)"
        ),
        _pattern(r"(?:tegoed|budget|krediet|geld)[^.]{0,40} (?:vervalt|verloopt|verlopen)", r"op is op"),
    ),
}
LANGUAGES: Final = ("en", "fr", "nl")


@dataclass(frozen=True)
class Claim:
    """A forbidden claim in a text. start, end: characters of the plain text, the end not included."""

    name: str
    language: str
    start: int
    end: int
    before: str
    words: str
    after: str


def find_claims(text: str) -> list[Claim]:
    """The claims that a text may not make, in the order of their places. The text may be HTML.

    It is read as a hasty reader does: letters of other alphabets and characters one does not see hide nothing.
    """
    shown = plain_text(text)
    told, places = _as_read(shown)
    found = []
    for name, patterns in CLAIMS.items():
        for language, pattern in zip(LANGUAGES, patterns, strict=True):
            for match in pattern.finditer(told):
                start, end = places[match.start()], places[match.end() - 1] + 1
                found.append(
                    Claim(
                        name,
                        language,
                        start,
                        end,
                        shown[max(0, start - _AROUND) : start],
                        shown[start:end],
                        shown[end : end + _AROUND],
                    )
                )
    # The longest of several that overlap says it best.
    found.sort(key=lambda one: (one.start, -one.end))
    kept: list[Claim] = []
    for one in found:
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def plain_text(html: str) -> str:
    """A text without its tags, its entities resolved."""
    return " ".join(unescape(_TAG.sub(" ", html)).split())


def _as_read(text: str) -> tuple[str, list[int]]:
    """The text as it is compared, and for each of its characters the place in the text that it comes from."""
    letters: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for letter in plain_letter("'" if char in "’ʼ‘" else char):
            letters.append(letter)
            places.append(place)
    return "".join(letters), places
