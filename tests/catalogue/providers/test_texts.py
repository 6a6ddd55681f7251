"""Names that look like others, claims that may not be made, codes, numbers and addresses."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from catalogue import classifications, identities, lookalikes, marketing, regimes
from funding.schemes import conduct
from funding.schemes.presets import load_preset
from funding.schemes.rules import SchemeRules
from ila.core.errors import DomainError


@pytest.mark.parametrize(
    "name",
    [
        "Atelier des Compétences",
        "ATELIER DES COMPETENCES SAS",
        "Аtelier des compétences",  # a Cyrillic А
        "Atelier\u200b des com\u00adpétences",
        "Ａｔｅｌｉｅｒ des compétences",
        "Ate1ier des c0mpetences",
        "Atelier des compétence",
        "Ateiier des compétences",
    ],
)
def test_names_that_look_alike_are_found(name: str) -> None:
    others = ["Atelier des compétences", "Institut de Lyon", "École du Rhône"]
    assert lookalikes.looks_like(name, others) == ["Atelier des compétences"]


@pytest.mark.parametrize("name", ["Atelier des compléments alimentaires", "Compétences", "Lyon", "学校"])
def test_other_names_are_left_alone(name: str) -> None:
    assert lookalikes.looks_like(name, ["Atelier des compétences", "Institut de Lyon"]) == []


def test_mixed_alphabets_are_seen() -> None:
    assert lookalikes.mixes_alphabets("Аtelier")
    assert not lookalikes.mixes_alphabets("Ателье Atelier")
    assert not lookalikes.mixes_alphabets("École 1")


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("A free course", [("free", "en", "free")]),
        ("A fr\u200bee course", [("free", "en", "fr\u200bee")]),
        ("A frее course", [("free", "en", "frее")]),
        ("A ｆｒｅｅ course", [("free", "en", "ｆｒｅｅ")]),
        ("<p>Formation <b>gratuite</b></p>", [("free", "fr", "gratuite")]),
        ("Formation financée à 100&nbsp;%", [("funded", "fr", "financée à 100 %")]),
        ("Volledig gesubsidieerd", [("funded", "nl", "Volledig gesubsidieerd")]),
        ("Kosteloze cursus", [("free", "nl", "Kosteloze")]),
        ("Door de overheid erkend", [("accredited", "nl", "Door de overheid erkend")]),
        ("Offert par l’État", [("paid_by_government", "fr", "Offert par l’État")]),
        ("An iPad included", [("gift", "en", "An iPad included")]),
        ("Parrainez un ami", [("referral", "fr", "Parrainez un ami")]),
        ("Vos identifiants suffisent", [("login", "fr", "Vos identifiants")]),
        ("Geef uw wachtwoord", [("login", "nl", "uw wachtwoord")]),
        ("Your credit soon expires", [("expiry", "en", "credit soon expires")]),
        ("Freelance work, a sugar-free diet, free software", []),
        ("Liberté, carefree, une loterie", [("lucky_draw", "fr", "loterie")]),
        ("Comptabilité, bureautique, anglais", []),
    ],
)
def test_claims_are_found_in_three_languages_with_their_place(text: str, claims: list[Any]) -> None:
    found = marketing.find_claims(text)
    assert [(one.name, one.language, one.words) for one in found] == claims
    shown = marketing.plain_text(text)
    for one in found:
        assert shown[one.start : one.end] == one.words
        assert shown[: one.start].endswith(one.before)
        assert shown[one.end :].startswith(one.after)


@pytest.mark.parametrize(
    "text",
    [
        "It is free",
        "fully funded places",
        "an accredited course",
        "paid by the government",
        "win in our lucky draw",
        "a gift for you",
        "referral rewards",
        "send us your password",
        "your credit will soon expire, money expiring",
    ],
)
def test_what_a_scheme_forbids_the_catalogue_finds(text: str) -> None:
    assert conduct.forbidden_claims(text)
    assert marketing.find_claims(text)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            classifications.checked_isced,
            ["06", "061", "0613", "1015"],
            ["6", "11", "0777", "061 3x", "99999"],
        ),
        (classifications.checked_cip, ["11.07", "11.0701"], ["1107", "02.0101", "11.070", "aa.0101"]),
        (classifications.checked_formacodes, ["31054", "31054, 32047"], ["3105", "31054 x", "01234"]),
        (
            classifications.checked_skills,
            ["http://data.europa.eu/esco/skill/3a2d5b45-56e4-4f5a-a55a-4a4afdc5fdf5"],
            ["http://example.org/skill/1", "javascript:alert(1)"],
        ),
        (
            classifications.checked_link,
            ["https://www.moncompteformation.gouv.fr/espace", "http://école.fr/"],
            [
                "http://localhost/",
                "http://127.0.0.1/",
                "http://[::1]/",
                "http://2130706433/",
                "https://intranet/",
                "https://a.invalid/",
                "ftp://a.fr/",
                "javascript:alert(1)",
                "https://user@a.fr/",
                "https://a.fr:8443/",
                "nowhere",
                "https://[broken",
            ],
        ),
    ],
)
def test_codes_and_addresses_are_checked(check: Any, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert check(text)
    for text in bad:
        with pytest.raises(DomainError, match="invalid"):
            check(text)


@pytest.mark.parametrize(
    ("register", "country", "text", "kept"),
    [
        ("siret", "FR", "732 829 320 00074", "73282932000074"),
        ("ila", "NL", "NL 8620 41 394 B01", None),
        ("ila", "MT", "MT 1167-9112", "MT11679112"),
        ("ila", "FR", "fr 83 404 833 048", "FR83404833048"),
        ("ila", "SG", "T08-LL-1234 a", "SG-T08-LL-1234 A"),
        ("ila", "MT", "MT-X 12", "MT-X 12"),
        ("siret", "FR", "73282932000075", None),
        ("ila", "FR", "FR 00 404 833 048", None),
        ("ila", "FR", "<script>", None),
        ("unknown", "FR", "1234", None),
    ],
)
def test_registration_numbers(register: str, country: str, text: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(DomainError, match="invalid"):
            identities.checked_number(register, country, text)
    else:
        assert identities.checked_number(register, country, text) == kept


def latest(code: str) -> SchemeRules:
    return load_preset(code).versions[-1][1]


def test_f34_f35_s17_regimes_say_what_the_schemes_say() -> None:
    cpf, singapore = latest("cpf"), latest("skillsfuture")
    for regime in regimes.REGIMES.values():
        assert regime.admissibility_wd == cpf.listing_admissibility_wd
        assert regime.decision_months == cpf.listing_decision_months
        assert regime.subcontract_max_percent == cpf.subcontract_max_percent
        assert regime.reapply_months == singapore.reapply_months
    assert regimes.REGIMES["siret"].kind == cpf.accreditation
    assert regimes.REGIMES["ila"].kind == singapore.accreditation
    assert regimes.REGIMES["ila"].deregistered_grade == singapore.deregistered_grade


def test_months_end_where_the_month_does() -> None:
    assert regimes.add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert regimes.add_months(date(2027, 12, 31), 2) == date(2028, 2, 29)
    assert regimes.last_day(regimes.REGIMES["siret"], date(2026, 6, 1)) == date(2029, 5, 31)
