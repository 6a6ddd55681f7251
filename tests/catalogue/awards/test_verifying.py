"""Verification: forged, altered, expired, revoked, unknown and broken credentials are told apart, whatever is tried."""

from __future__ import annotations

import json
import random
import string
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from joserfc.jwk import OctKey

from accounts.services import service_users
from catalogue.awards import tokens
from catalogue.awards.tokens import NotAToken
from catalogue.models import Award
from catalogue.services import awards
from ila.core import clock
from tests.catalogue.awards.support import (
    NOW,
    encoded,
    make_award,
    make_entry,
    parts_of,
    signed_by,
    stranger_key,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def award() -> Award:
    with clock.at(NOW):
        return make_award(make_entry(validity_months=36))


def verdict(text: str, **later: float) -> str:
    with clock.at(NOW + timedelta(**later)):
        return awards.verify_text(text).code


def kid_of(award: Award) -> str:
    return str(parts_of(award.token)[0]["kid"])


# -- what is genuine -------------------------------------------------------------------------------------------------


def test_a_genuine_credential_is_valid_and_shown(award: Award) -> None:
    with clock.at(NOW):
        found = awards.verify_text(award.token)
    assert (found.code, found.award) == ("valid", award)


@pytest.mark.parametrize("mangle", ["\n{}\n", " {} ", "{}\r\n"])
def test_spaces_around_it_do_not_matter(award: Award, mangle: str) -> None:
    assert verdict(mangle.format(award.token)) == "valid"


def test_lines_broken_by_a_mail_program_do_not_matter(award: Award) -> None:
    broken = "\n".join(award.token[at : at + 76] for at in range(0, len(award.token), 76))
    assert verdict(broken) == "valid"


def test_expired(award: Award) -> None:
    assert award.expires_at is not None
    ends = award.expires_at - NOW
    assert verdict(award.token, seconds=ends.total_seconds() - 1) == "valid"
    assert verdict(award.token, seconds=ends.total_seconds()) == "expired"


def test_revoked_says_so_even_when_it_would_have_expired(award: Award) -> None:
    awards.revoke_award(actor=service_users.get("clock"), award_id=award.pk, reason="fraud")
    assert verdict(award.token) == "revoked"
    assert verdict(award.token, days=2000) == "revoked"


@pytest.mark.parametrize(
    ("seconds", "found"), [(0, "valid"), (-30, "valid"), (-60, "valid"), (-61, "not_yet_valid")]
)
def test_clocks_may_differ_by_a_minute(award: Award, seconds: int, found: str) -> None:
    assert verdict(award.token, seconds=seconds) == found


def test_old_keys_verify_what_they_signed(award: Award) -> None:
    awards.rotate_key()
    awards.rotate_key()
    assert verdict(award.token) == "valid"


def test_a_distrusted_key_is_believed_nothing(award: Award) -> None:
    awards.distrust_key(name=award.key.name)
    assert verdict(award.token) == "distrusted"


def test_the_register_page_proves_the_row_too(award: Award) -> None:
    with clock.at(NOW):
        found = awards.verify_award(award.public_id)
        assert found is not None
        assert found.code == "valid"
        header, _claims, signature = award.token.split(".")
        changed = parts_of(award.token)[1]
        changed["credentialSubject"]["identifier"][0]["identityHash"] = "Somebody Else"
        Award.objects.filter(pk=award.pk).update(token=f"{header}.{encoded(changed)}.{signature}")
        found = awards.verify_award(award.public_id)
    assert found is not None
    assert (found.code, found.award) == ("altered", None)


# -- what was changed or made up -------------------------------------------------------------------------------------


def test_any_changed_claim_is_altered(award: Award) -> None:
    header, _claims, signature = award.token.split(".")
    for change in (
        {"name": "Doctor of everything"},
        {"validUntil": "2099-01-01T00:00:00Z", "exp": 4_070_908_800},
        {"credentialStatus": None},
    ):
        claims = parts_of(award.token)[1] | change
        assert verdict(f"{header}.{encoded(claims)}.{signature}") == "altered", change


def test_every_changed_letter_is_noticed(award: Award) -> None:
    rng = random.Random(7)
    letters = string.ascii_letters + string.digits + "-_"
    for _ in range(60):
        at = rng.randrange(len(award.token))
        if award.token[at] == ".":
            continue
        other = rng.choice([each for each in letters if each != award.token[at]])
        changed = award.token[:at] + other + award.token[at + 1 :]
        found = verdict(changed)
        if found == "valid":
            # The last letter of a part may carry bits that mean nothing: the same bytes, written otherwise.
            assert tokens.read(changed).claims == award.claims
            assert changed[at + 1 : at + 2] in {".", ""}
        else:
            assert found in {"altered", "forged", "not_a_credential", "unknown_issuer"}, changed


def test_cut_short_is_altered_or_unreadable(award: Award) -> None:
    assert verdict(award.token[:-10]) == "altered"
    assert verdict(award.token.rpartition(".")[0] + ".") == "altered"
    assert verdict(award.token[: len(award.token) // 2]) == "not_a_credential"


def test_another_key_with_our_name_on_it_is_forged(award: Award) -> None:
    claims = parts_of(award.token)[1] | {
        "jti": f"{settings.SITE_ADDRESS}/verify/{'0' * 8}-0000-4000-8000-{'0' * 12}/"
    }
    for header in (
        {"alg": "RS256", "typ": "JWT", "kid": kid_of(award)},
        {"alg": "RS256", "kid": f"{settings.SITE_ADDRESS}/credentials/keys/unknown/"},
        {"alg": "RS256"},
    ):
        assert verdict(signed_by(stranger_key(), header, claims)) == "forged", header


def test_a_key_brought_along_is_never_used(award: Award) -> None:
    claims = parts_of(award.token)[1]
    own = stranger_key().as_dict(private=False)
    for extra in (
        {"jwk": own},
        {"jwk": own, "kid": kid_of(award)},
        {"jku": "https://evil.example/jwks.json", "kid": kid_of(award)},
        {"x5u": "https://evil.example/cert.pem", "kid": kid_of(award)},
        {"x5c": ["MIIB"], "kid": kid_of(award)},
    ):
        assert verdict(signed_by(stranger_key(), {"alg": "RS256", "typ": "JWT"} | extra, claims)) == "forged"


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "", "HS256", "RS384", "PS256", "ES256", None, 5, ["RS256"]]
)
def test_no_other_algorithm_is_accepted(award: Award, alg: Any) -> None:
    _header, claims, signature = award.token.split(".")
    for kept in (signature, ""):
        assert verdict(f"{encoded({'alg': alg, 'kid': kid_of(award)})}.{claims}.{kept}") == "forged"


def test_the_public_key_is_no_password(award: Award) -> None:
    """The classic confusion: an HMAC made with the published key as its secret."""
    claims = parts_of(award.token)[1]
    jwk = json.dumps(award.key.public_jwk)
    modulus = award.key.public_jwk["n"]
    for secret in (jwk, modulus):
        token = signed_by(
            OctKey.import_key(secret), {"alg": "HS256", "typ": "JWT", "kid": kid_of(award)}, claims, "HS256"
        )
        assert verdict(token) == "forged"


@pytest.mark.parametrize(
    "kid",
    [
        "../../etc/passwd",
        "file:///etc/passwd",
        "https://evil.example/credentials/keys/{name}/",
        "{site}@evil.example/credentials/keys/{name}/",
        "{site}.evil.example/credentials/keys/{name}/",
        "{site}/credentials/keys/../keys/{name}/",
        "{site}/credentials/keys/{name}",
        "{site}/credentials/keys/{name}/?x=1",
        "{site}/credentials/keys/{name}/#x",
        "{site}/credentials/keys/{name}\x00/",
        "{site}/credentials/keys/' OR 1=1 --/",
        "{name}",
        "",
        "x" * 10_000,
        None,
        7,
        ["{site}/credentials/keys/{name}/"],
        {"$ne": ""},
    ],
)
def test_no_other_address_of_a_key_is_followed(award: Award, kid: Any) -> None:
    _header, claims, signature = award.token.split(".")
    if isinstance(kid, str):
        kid = kid.replace("{site}", settings.SITE_ADDRESS).replace("{name}", award.key.name)
    assert verdict(f"{encoded({'alg': 'RS256', 'typ': 'JWT', 'kid': kid})}.{claims}.{signature}") == "forged"


@pytest.mark.parametrize(
    "extra",
    [
        {"typ": "vc+jwt"},
        {"typ": "JWS"},
        {"typ": None},
        {"cty": "JWT"},
        {"cty": "vc"},
        {"crit": ["exp"]},
        {"b64": False},
        {"zip": "DEF"},
        {"iss": "me"},
    ],
)
def test_a_header_that_we_never_write_is_not_ours(award: Award, extra: dict[str, Any]) -> None:
    _header, claims, signature = award.token.split(".")
    changed = parts_of(award.token)[0] | extra
    assert verdict(f"{encoded(changed)}.{claims}.{signature}") == "forged"


def test_another_platforms_credential_is_not_called_forged(award: Award) -> None:
    claims = parts_of(award.token)[1] | {"iss": "https://badges.example/issuer/1"}
    header = {"alg": "RS256", "typ": "JWT", "jwk": stranger_key().as_dict(private=False)}
    assert verdict(signed_by(stranger_key(), header, claims)) == "unknown_issuer"
    for iss in (
        None,
        5,
        [settings.SITE_ADDRESS + "/"],
        "",
        settings.SITE_ADDRESS,
        settings.SITE_ADDRESS + ".evil/",
    ):
        assert verdict(signed_by(stranger_key(), header, claims | {"iss": iss})) == "unknown_issuer", iss


def test_what_else_our_keys_sign_is_no_credential(award: Award) -> None:
    signed = awards.sign_status_list(provider_id=award.provider_id, number=1)
    assert signed is not None
    assert verdict(signed) == "not_a_credential"


def test_signed_by_us_but_unknown_to_the_register(award: Award) -> None:
    claims = award.claims | {"jti": f"{settings.SITE_ADDRESS}/verify/{'1' * 8}-1111-4111-8111-{'1' * 12}/"}
    assert verdict(tokens.sign(claims, award.key)) == "not_in_register"


# -- what is no credential at all ------------------------------------------------------------------------------------


def test_a_credential_without_a_signature_is_called_that(award: Award) -> None:
    assert verdict(json.dumps(award.claims, indent=2)) == "unsigned"
    assert verdict('{"hello": "world"}') == "not_a_credential"
    assert verdict('{"credentialSubject": 1, "credentialSubject": 2}') == "not_a_credential"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "..",
        "a.b.c",
        "a.b",
        "eyJ.eyJ.x",
        "hello",
        "<script>alert(1)</script>",
        "\x00\x01",
        "é.é.é",
        "=.=.=",
        "٣.٣.٣",
        "a.b.c.d.e",
        f"{encoded('[]')}.{encoded('[]')}.x",
        f"{encoded('null')}.{encoded('{}')}.x",
        f"{encoded('{}')}.{encoded('5')}.x",
        f"{encoded('{}')}.{encoded(chr(0xFEFF) + '{}')}.x",
    ],
)
def test_nonsense_is_not_a_credential(text: str) -> None:
    assert verdict(text) == "not_a_credential"


@pytest.mark.parametrize(
    "payload",
    [
        '{"type": ["OpenBadgeCredential"], "iss": "a", "iss": "b"}',
        '{"iss": NaN}',
        '{"iss": Infinity}',
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "[" * 40_000,
        '{"a":' * 30 + "1" + "}" * 30,
        json.dumps({"a": list(range(6_000))}),
        '{"a": "\\ud800"',
        "{'a': 1}",
        '{"a": 1',
    ],
    ids=["twice", "nan", "infinity", "deep", "open", "nested", "many", "surrogate", "quotes", "cut"],
)
def test_hostile_json_is_refused_quickly(payload: str) -> None:
    started = time.monotonic()
    assert verdict(f"{encoded({'alg': 'RS256'})}.{encoded(payload)}.x") in {"not_a_credential", "too_large"}
    assert time.monotonic() - started < 5, "a bomb that goes off takes far longer"


@pytest.mark.parametrize(
    "types",
    [None, 5, "OpenBadgeCredential", {}, [], [["OpenBadgeCredential"]], [{}], ["VerifiableCredential"]],
)
def test_other_types_are_no_credential(award: Award, types: Any) -> None:
    header, _claims, signature = award.token.split(".")
    claims = parts_of(award.token)[1] | {"type": types}
    assert verdict(f"{header}.{encoded(claims)}.{signature}") == "not_a_credential"


def test_what_is_huge_is_not_read() -> None:
    with pytest.raises(NotAToken) as found:
        tokens.read("a" * (tokens.MAX_BYTES * 2 + 1))
    assert found.value.code == "too_large"
    assert verdict("a." + "b" * tokens.MAX_BYTES + ".c") == "too_large"
    assert verdict(" " * 100_000 + "x") == "not_a_credential"


@pytest.mark.parametrize(
    "jti", [None, 5, [], "", "x", "{site}/verify/nonsense/", "{site}/verify/../../{id}/", "x" * 5000]
)
def test_any_id_is_survived(award: Award, jti: Any) -> None:
    if isinstance(jti, str):
        jti = jti.replace("{site}", settings.SITE_ADDRESS).replace("{id}", str(award.public_id))
    claims = award.claims | {"jti": jti}
    assert verdict(tokens.sign(claims, award.key)) == "not_in_register"


def test_numbers_of_any_kind_in_nbf_are_survived(award: Award) -> None:
    for nbf in (None, "soon", 1.5, -5, 10**30, [1]):
        claims = award.claims | {"nbf": nbf}
        found = verdict(tokens.sign(claims, award.key))
        assert found in {"valid", "not_yet_valid"}, nbf
