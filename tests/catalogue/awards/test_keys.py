"""Signing keys: one signs, old ones verify, secrets are sealed, a leaked one is distrusted."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, transaction

from accounts.services import service_users
from catalogue.awards import printing, sealing, tokens
from catalogue.awards.sealing import SealingError
from catalogue.models import Award, SigningKey
from catalogue.services import awards
from ila.core import clock
from ila.core.errors import DomainError
from tests.catalogue.awards.support import NOW, make_award, make_entry

pytestmark = pytest.mark.django_db


def test_the_first_key_makes_itself_and_signs_until_it_is_rotated() -> None:
    first = awards.signing_key()
    assert awards.signing_key() == first
    with clock.at(NOW):
        second = awards.rotate_key()
    first.refresh_from_db()
    assert (first.state, first.private_sealed, first.retired_at) == ("retired", None, NOW)
    assert second.state == "active"
    assert awards.signing_key() == second
    assert make_award().key == second


def test_a_retired_key_signs_nothing_more() -> None:
    key = awards.signing_key()
    awards.rotate_key()
    key.refresh_from_db()
    with pytest.raises(SealingError, match="signs no longer"):
        tokens.sign({"a": 1}, key)


def test_the_database_lets_one_key_sign() -> None:
    key = awards.signing_key()
    with pytest.raises(IntegrityError, match="signingkey_one_signs"), transaction.atomic():
        SigningKey.objects.create(name="another", public_jwk={}, private_sealed=b"x", created_at=NOW)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        key.delete()


def test_the_private_half_is_nowhere_in_the_clear() -> None:
    key = awards.signing_key()
    sealed = bytes(key.private_sealed or b"")
    assert b"\x30\x82" not in sealed[:40]
    assert set(key.public_jwk) == {"kty", "n", "e", "alg", "use", "kid"}
    opened = sealing.unseal(sealed, bound_to=f"signing key {key.name}")
    assert opened.startswith(b"\x30\x82")


def test_what_is_sealed_opens_only_for_its_own_row_unaltered_and_under_its_secret(settings: Any) -> None:
    sealed = sealing.seal(b"secret", bound_to="a")
    assert sealing.unseal(sealed, bound_to="a") == b"secret"
    assert sealing.seal(b"secret", bound_to="a") != sealed, "never twice the same"
    with pytest.raises(SealingError, match="was altered"):
        sealing.unseal(sealed, bound_to="b")
    for at in (0, 5, 12, -1):
        broken = bytearray(sealed)
        broken[at] ^= 1
        with pytest.raises(SealingError):
            sealing.unseal(bytes(broken), bound_to="a")
    old = settings.AWARD_KEY_SECRETS
    settings.AWARD_KEY_SECRETS = ["a new secret of more than thirty-two characters", *old]
    assert sealing.unseal(sealed, bound_to="a") == b"secret"
    settings.AWARD_KEY_SECRETS = ["a new secret of more than thirty-two characters"]
    with pytest.raises(SealingError, match="holds no secret that opens"):
        sealing.unseal(sealed, bound_to="a")
    settings.AWARD_KEY_SECRETS = ["short"]
    with pytest.raises(SealingError, match="fewer than 32"):
        sealing.seal(b"x", bound_to="a")


def test_a_key_opened_under_one_secret_is_not_kept_for_another(settings: Any) -> None:
    key = awards.signing_key()
    assert tokens.sign({"a": 1}, key)
    settings.AWARD_KEY_SECRETS = ["another secret of more than thirty-two characters"]
    with pytest.raises(SealingError):
        tokens.sign({"a": 1}, key)


def test_awards_of_a_leaked_key_are_signed_anew_and_say_the_same() -> None:
    award, revoked = make_award(), make_award()
    awards.revoke_award(actor=service_users.get("clock"), award_id=revoked.pk, reason="error")
    old_token = award.token
    leaked = awards.distrust_key(name=award.key.name)
    assert awards.verify_text(old_token).code == "distrusted"
    assert awards.resign_awards() == 1
    award.refresh_from_db(fields=["token", "key", "claims"])
    assert award.key != leaked
    assert tokens.read(award.token).claims == tokens.read(old_token).claims == award.claims
    assert awards.verify_text(award.token).is_valid
    assert awards.resign_awards() == 0
    assert awards.distrust_key(name=leaked.name) == leaked, "twice is once"


def test_an_unknown_key_cannot_be_distrusted() -> None:
    with pytest.raises(DomainError) as refused:
        awards.distrust_key(name="nothing")
    assert refused.value.code == "not_found"


def test_the_command_lists_rotates_and_distrusts(capsys: pytest.CaptureFixture[str]) -> None:
    award = make_award()
    call_command("award_keys", "rotate")
    assert "signs from now on" in capsys.readouterr().out
    call_command("award_keys", "list", "--json")
    newest, oldest = map(json.loads, capsys.readouterr().out.splitlines())
    assert (newest["state"], newest["awards"]) == ("active", 0)
    assert (oldest["state"], oldest["awards"], oldest["name"]) == ("retired", 1, award.key.name)
    call_command("award_keys", "distrust", award.key.name)
    assert "1 awards were signed anew" in capsys.readouterr().out
    call_command("award_keys", "list")
    assert "distrusted" in capsys.readouterr().out
    with pytest.raises(CommandError, match="No key is called x"):
        call_command("award_keys", "distrust", "x")


def test_the_command_says_what_is_missing(settings: Any) -> None:
    settings.AWARD_KEY_SECRETS = []
    with pytest.raises(CommandError, match="AWARD_KEY_SECRETS is not set"):
        call_command("award_keys", "rotate")


# -- on paper --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Camille Durand", "Ελένη Παπαδοπούλου", "Лариса Шевченко", "Žydrūnė Ąžuolė", "محمد علي"]
)
def test_names_in_any_letters_are_printed(name: str) -> None:
    award = make_award(make_entry(validity_months=36))
    award.claims["credentialSubject"]["identifier"][0]["identityHash"] = name
    content = printing.print_award(award)
    assert content.startswith(b"%PDF-")
    assert b"/FontFile2" in content, "letters are embedded"
    assert content == printing.print_award(award), "the same award is the same file"


def test_attendance_and_revoked_awards_are_printed_as_such() -> None:
    attendance = make_award(assessed=False)
    assert printing.print_award(attendance).startswith(b"%PDF-")
    award = make_award(make_entry(title="x" * 400, goals_html="<li>y</li>" * 60))
    with clock.at(clock.now() + timedelta(days=1)):
        awards.revoke_award(actor=service_users.get("clock"), award_id=award.pk, reason="error")
    assert printing.print_award(Award.objects.get(pk=award.pk)).count(b"/Type /Page\n") >= 2
