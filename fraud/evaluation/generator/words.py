"""Names of people and firms, in several spellings."""

import numpy as np

_FIRST = [
    "Anna",
    "José",
    "Marie",
    "Łukasz",
    "Élodie",
    "Ana",
    "Zoë",
    "Mehmet",
    "Olga",
    "Jürgen",
    "Fatima",
    "Pierre",
    "Ingrid",
    "Søren",
    "Yannick",
    "Amélie",
    "Nikos",
    "Eva",
    "Luca",
    "Giulia",
    "Mateusz",
    "Katarzyna",
    "Björn",
    "Åsa",
    "Claire",
    "Hugo",
    "Inès",
    "Karim",
    "Leïla",
    "Tomas",
    "Ewa",
    "Piotr",
    "Sofia",
    "Jan",
    "Miriam",
    "Paul",
    "Nadia",
    "Viktor",
    "Chloé",
    "André",
    "Beatriz",
    "Dimitri",
    "Hanna",
    "Ivan",
    "Jana",
    "Kevin",
    "Laura",
    "Marco",
    "Noor",
    "Omar",
]
_LAST = [
    "Martin",
    "García",
    "Müller",
    "Nowak",
    "Dubois",
    "Rossi",
    "Novák",
    "Jensen",
    "de Vries",
    "van den Berg",
    "Papadopoulos",
    "Lefèvre",
    "Öztürk",
    "Silva",
    "Kowalski",
    "Johansson",
    "O'Brien",
    "Schäfer",
    "Moreau",
    "Horvat",
    "Ionescu",
    "Petrov",
    "Fernández",
    "Lindqvist",
    "Bakker",
    "Girard",
    "Ferrari",
    "Weiß",
    "Dvořák",
    "Haddad",
    "Benali",
    "Costa",
    "Meyer",
    "Laurent",
    "Nguyen",
    "Popescu",
    "Kovács",
    "Andersson",
    "Peeters",
    "Janssens",
    "Fontaine",
    "Roux",
    "Vincent",
    "Fournier",
    "Morel",
    "Simon",
    "Lambert",
    "Blanchard",
    "Chevalier",
    "François",
    "Mercier",
    "Garnier",
    "Legrand",
    "Marchand",
    "Perrin",
]
_TRADES = [
    "Formation",
    "Academy",
    "Learning",
    "Institut",
    "Compétences",
    "Skills",
    "Campus",
    "Atelier",
    "École",
    "Training",
    "Conseil",
]
_FORMS = ("SARL", "SAS", "GmbH", "B.V.", "Ltd", "SA", "Association")


def full_names(rng: np.random.Generator, count: int) -> list[str]:
    """First and family names; a fifth has a second first name."""
    first = rng.integers(0, len(_FIRST), (count, 2))
    last = rng.integers(0, len(_LAST), (count, 2))
    second, double = rng.random(count) < 0.2, rng.random(count) < 0.12
    return [
        " ".join(_FIRST[k] for k in (first[i] if second[i] else first[i][:1]))
        + " "
        + "-".join(_LAST[k] for k in (last[i] if double[i] else last[i][:1]))
        for i in range(count)
    ]


def legal_names(rng: np.random.Generator, count: int) -> list[str]:
    last, trade = rng.integers(0, len(_LAST), count), rng.integers(0, len(_TRADES), count)
    form, number = rng.integers(0, len(_FORMS), count), rng.integers(1, 100, count)
    return [
        f"{_LAST[last[i]].title()} {_TRADES[trade[i]]}{f' {number[i]}' if number[i] > 60 else ''}"
        f"{',' if number[i] % 9 == 0 else ''} {_FORMS[form[i]]}"
        for i in range(count)
    ]


def with_typo(rng: np.random.Generator, name: str) -> str:
    """The name with two letters swapped, one lost, or its words in another order."""
    at, way = int(rng.integers(0, max(1, len(name) - 2))), int(rng.integers(0, 3))
    if way == 0:
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    if way == 1:
        return name[:at] + name[at + 1 :]
    return " ".join(reversed(name.split(" ")))
