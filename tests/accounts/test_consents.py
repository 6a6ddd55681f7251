"""Sign-ins and consent receipts: whose, under what, word for word, and written once (F-32, invariant 8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.utils import IntegrityError, ProgrammingError
from django.test import override_settings

from accounts.models import Citizen, Consent, SignIn, User
from accounts.models.consents import Assurance
from accounts.services import consents, sign_ins
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError
from tests.factories.accounts import CitizenFactory, ConsentFactory, SignInFactory, UserFactory
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


def user_of(citizen: Citizen) -> User:
    assert citizen.user is not None
    return citizen.user


def locked(consent: Consent) -> Consent:
    (row,) = locks.acquire(locks.lock(Consent, consent.pk))
    assert isinstance(row, Consent)
    return row


def give(consent: Consent, **changes: Any) -> Consent:
    citizen = consent.citizen
    given: dict[str, Any] = {"sign_in": SignInFactory.create(user=citizen.user), "text": "shown"}
    row = locked(consent)
    fsm.apply(row, "give", actor=citizen.user, **(given | changes))
    return row


# -- sign-ins ------------------------------------------------------------------------------------------------


def test_where_somebody_signed_in_is_kept_as_keyed_hashes_only() -> None:
    user = UserFactory.create()
    given: dict[str, Any] = {"user": user, "method": "password", "assurance": Assurance.WEAK}
    first = sign_ins.record_sign_in(**given, address="192.0.2.1", device="Firefox")
    same = sign_ins.record_sign_in(**given, address="192.0.2.1", device="Firefox")
    other = sign_ins.record_sign_in(**given, address="192.0.2.2", device="192.0.2.1")
    assert first.ip_hash == same.ip_hash != other.ip_hash
    assert first.device_hash == same.device_hash
    # One word as address and as device is not recognised as one word.
    assert other.device_hash != first.ip_hash
    assert len(first.ip_hash) == 64
    assert "192.0.2" not in str(vars(first))
    with override_settings(SECRET_KEY="another key"):
        assert sign_ins.record_sign_in(**given, address="192.0.2.1").ip_hash != first.ip_hash
    nowhere = sign_ins.record_sign_in(**given)
    assert (nowhere.ip_hash, nowhere.device_hash) == ("", "")


def test_a_sign_in_is_written_once() -> None:
    sign_in = SignInFactory.create(weak=True)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        SignIn.objects.filter(pk=sign_in.pk).update(assurance="strong")
    # Only a person's erasure removes one: no right is missing, a trigger refuses.
    with pytest.raises(ProgrammingError, match="written once"), transaction.atomic():
        sign_in.delete()


# -- consents ------------------------------------------------------------------------------------------------


def test_asked_given_and_what_the_receipt_says() -> None:
    citizen = CitizenFactory.create()
    with clock.at(MONDAY) as hand:
        consent = consents.ask_consent(citizen=citizen, text="Do you?", actor=user_of(citizen))
        assert (consent.state, consent.asked_at, consent.answered_at) == ("asked", MONDAY, None)
        assert consent.text_hash == Consent.hash_of("Do you?")
        hand.move(MONDAY + timedelta(minutes=1))
        row = give(consent, text="Do you? For 100 euros.")
    stored = Consent.objects.get(pk=row.pk)
    assert (stored.state, stored.answered_at) == ("given", MONDAY + timedelta(minutes=1))
    assert (stored.text, stored.text_hash) == (
        "Do you? For 100 euros.",
        Consent.hash_of("Do you? For 100 euros."),
    )
    assert stored.sign_in is not None
    assert [log.transition for log in stored.log.order_by("pk")] == ["ask", "give"]


def test_given_only_under_a_sign_in() -> None:
    with pytest.raises(DomainError) as refusal:
        give(ConsentFactory.create(), sign_in=None)
    assert refusal.value.code == "invalid"
    assert "consent_given_under_a_sign_in" in refusal.value.params["faults"]


def test_the_database_keeps_the_sign_in() -> None:
    row = give(ConsentFactory.create())
    with pytest.raises(IntegrityError, match="consent_given_under_a_sign_in"), transaction.atomic():
        Consent.objects.filter(pk=row.pk).update(sign_in=None)


def test_denied_before_and_withdrawn_after() -> None:
    asked, given = ConsentFactory.create(), give(ConsentFactory.create())
    consents.deny_consent(consent=locked(asked), actor=user_of(asked.citizen), reason="no")
    consents.deny_consent(consent=given, actor=user_of(given.citizen), reason="not me")
    assert Consent.objects.get(pk=asked.pk).state == "denied"
    assert Consent.objects.get(pk=given.pk).state == "withdrawn"
    assert given.log.get(transition="withdraw").reason == "not me"
    for consent in (asked, given):
        with pytest.raises(DomainError) as refusal:
            consents.deny_consent(consent=locked(consent), actor=user_of(consent.citizen))
        assert refusal.value.code == "not_allowed"


def test_f32_whose_sign_in_and_how_strong() -> None:
    citizen = CitizenFactory.create()
    strong = SignInFactory.create(user=citizen.user)
    weak = SignInFactory.create(user=citizen.user, weak=True)
    stranger = SignInFactory.create()
    assert consents.check_sign_in(sign_in=strong, citizen=citizen, strong=True) == strong
    assert consents.check_sign_in(sign_in=weak, citizen=citizen, strong=False) == weak
    for sign_in, strength, code, rule in (
        (None, False, "consent_missing", None),
        (stranger, True, "consent_missing", None),
        (stranger, False, "consent_missing", None),
        (weak, True, "weak_identity", "F-32"),
    ):
        with pytest.raises(DomainError) as refusal:
            consents.check_sign_in(sign_in=sign_in, citizen=citizen, strong=strength)
        assert (refusal.value.code, refusal.value.rule) == (code, rule)


def test_f32_a_citizen_who_cannot_sign_in_consents_to_nothing() -> None:
    citizen = CitizenFactory.create(without_user=True)
    with pytest.raises(DomainError) as refusal:
        consents.check_sign_in(sign_in=SignInFactory.create(), citizen=citizen, strong=False)
    assert refusal.value.code == "consent_missing"
