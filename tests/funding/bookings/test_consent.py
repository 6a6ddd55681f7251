"""F-32: who consents, under which sign-in, to which words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.translation import override

from accounts.models import Consent, User
from accounts.services import consents
from funding.audit import bookings as audit
from funding.services import bookings
from funding.services.bookings.acceptance import lots_of, plan_for
from funding.services.bookings.conditions import conditions_for
from funding.services.bookings.context import calendar_of
from funding.services.bookings.texts import Shown, acceptance_text
from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory, OrganisationFactory, SignInFactory, UserFactory
from tests.support.world import MONDAY, Learner, World

pytestmark = pytest.mark.django_db


def accept(learner: Learner, booking: Any, **changes: Any) -> Any:
    given = {"actor": learner.user, "booking_id": booking.pk, "sign_in": learner.sign_in} | changes
    return bookings.accept(**given)


def text_now(booking: Any, language: str = "en") -> str:
    """What the page of the proposal would show now."""
    stored = bookings.read_booking(booking.pk)
    rules, now = stored.account.scheme.versions.order_by("-valid_from")[0].parsed, clock.now()
    with override(language):
        return acceptance_text(
            stored,
            rules,
            plan_for(stored, rules, lots_of(stored.account), now),
            conditions_for(
                rules, calendar_of(stored.account.scheme), accepted_at=now, starts_at=stored.session.starts_at
            ),
        )


# -- freshness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "code"), [(599, "ok"), (600, "sign_in_too_old"), (86_400, "sign_in_too_old")]
)
def test_f32_a_strong_sign_in_of_the_last_ten_minutes(
    world: World, learner: Learner, seconds: int, code: str
) -> None:
    booking = world.proposed(learner)
    sign_in = SignInFactory.create(user=learner.user, at=MONDAY - timedelta(seconds=seconds))
    if code == "ok":
        assert accept(learner, booking, sign_in=sign_in).state == "accepted"
        return
    with pytest.raises(DomainError) as refused:
        accept(learner, booking, sign_in=sign_in)
    assert (refused.value.code, refused.value.rule, refused.value.status) == (code, "F-32", 403)
    assert bookings.read_booking(booking.pk).state == "proposed"
    assert learner.lot().held_cents == 0


def test_f32_the_minutes_are_a_setting(world: World, learner: Learner, settings: Any) -> None:
    settings.CONSENT_SIGN_IN_MINUTES = 2
    booking = world.proposed(learner)
    old = SignInFactory.create(user=learner.user, at=MONDAY - timedelta(minutes=3))
    with pytest.raises(DomainError, match="sign_in_too_old"):
        accept(learner, booking, sign_in=old)
    settings.CONSENT_SIGN_IN_MINUTES = 4
    assert accept(learner, booking, sign_in=old).state == "accepted"


def test_a_retry_with_the_same_key_returns_what_was_done_though_time_has_passed(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking, sign_in = world.proposed(learner), learner.sign_in
    accept(learner, booking, sign_in=sign_in, idempotency_key="k")
    hand.move(MONDAY + timedelta(hours=1))
    assert accept(learner, booking, sign_in=sign_in, idempotency_key="k").state == "accepted"


def superuser(_world: World) -> User:
    return User.objects.create_superuser("root@example.org", "correct horse battery staple")


STRANGERS: dict[str, Callable[[World], User]] = {
    "provider": lambda world: world.provider_user,
    "agent": lambda world: (
        MembershipFactory.create(organisation=world.provider.organisation, role="staff").user
    ),
    "employer": lambda _: (
        MembershipFactory.create(organisation=OrganisationFactory.create(employer=True), role="manager").user
    ),
    "agency": lambda world: world.case_worker,
    "manager": lambda world: MembershipFactory.create(organisation=world.agency, role="manager").user,
    "counsellor": lambda _: UserFactory.create(),
    "superuser": superuser,
}


@pytest.mark.parametrize("who", STRANGERS)
def test_nobody_else_consents(world: World, learner: Learner, who: str) -> None:
    """Not under a strong sign-in of their own, and not with the learner's either."""
    booking, actor = world.proposed(learner), STRANGERS[who](world)
    for sign_in, code in (
        (SignInFactory.create(user=actor), "consent_missing"),
        (learner.sign_in, "not_allowed"),
        (None, "consent_missing"),
    ):
        with pytest.raises(DomainError) as refused:
            accept(learner, booking, actor=actor, sign_in=sign_in)
        assert refused.value.code == code
    stored = bookings.read_booking(booking.pk)
    assert stored.consent is not None
    assert (stored.state, stored.consent.state) == ("proposed", "asked")


def test_the_boundary_is_the_same_in_the_check_alone(learner: Learner) -> None:
    sign_in = SignInFactory.create(user=learner.user, at=MONDAY - timedelta(minutes=10))
    assert not consents.is_fresh(sign_in, MONDAY)
    assert consents.is_fresh(sign_in, MONDAY - timedelta(seconds=1))
    assert consents.needs_strong_sign_in(sign_in)
    assert consents.needs_strong_sign_in(None)
    # Where the scheme is content with an ordinary sign-in, its age does not matter.
    assert consents.check_sign_in(sign_in=sign_in, citizen=learner.citizen, strong=False) == sign_in


# -- the words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr", "nl"])
def test_the_words_that_were_shown_are_kept_letter_by_letter(
    world: World, learner: Learner, language: str
) -> None:
    booking = world.proposed(learner)
    text = text_now(booking, language)
    accept(learner, booking, shown=Shown(Consent.hash_of(text), language, text))
    consent = bookings.read_booking(booking.pk).consent
    assert consent is not None
    assert (consent.text, consent.text_hash) == (text, Consent.hash_of(text))
    if language == "en":
        for line in (
            "Price, all taxes included: €1,650.00",
            "Paid from Acquired rights: €1,500.00",
            "You pay yourself: €150.00",
            "Until the end of 27 May 2026 you withdraw without a reason, and nothing is owed.",
            "Until the end of 11 June 2026 you cancel, and nothing is owed.",
        ):
            assert line in text.split("\n")
        assert "From 12 June 2026 the full price of €1,650.00 is owed" in text


def test_what_changed_since_it_was_shown_is_refused_and_named(world: World, learner: Learner) -> None:
    booking = world.proposed(learner)
    text = text_now(booking)
    world.credit(learner.account, 20_000, "employer")
    with pytest.raises(DomainError) as refused:
        accept(learner, booking, shown=Shown(Consent.hash_of(text), "en", text))
    assert refused.value.code == "consent_changed"
    assert "You pay yourself: €150.00" in refused.value.params["gone"]
    assert any("Employer's top-up" in line for line in refused.value.params["new"])
    assert bookings.read_booking(booking.pk).state == "proposed"
    again = text_now(booking)
    assert accept(learner, booking, shown=Shown(Consent.hash_of(again), "en")).state == "accepted"


def test_a_text_that_is_not_what_the_fingerprint_says_is_not_told_back(
    world: World, learner: Learner
) -> None:
    booking = world.proposed(learner)
    with pytest.raises(DomainError) as refused:
        accept(learner, booking, shown=Shown("0" * 64, "en", "<b>I pay nothing</b>"))
    assert (refused.value.params["gone"], refused.value.params["new"]) == ([], [])


# -- the audit ------------------------------------------------------------------------------------------------------


def test_inv8_the_audit_finds_a_consent_under_an_old_sign_in(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    assert booking.consent_id is not None
    old = SignInFactory.create(user=learner.user, at=MONDAY - timedelta(minutes=11))
    assert faults() == set()
    Consent.objects.filter(pk=booking.consent_id).update(sign_in=old)
    assert faults() == {("sign_in_too_old", f"booking:{booking.pk}")}
    other = SignInFactory.create(user=world.make_learner().user)
    Consent.objects.filter(pk=booking.consent_id).update(sign_in=other)
    assert faults() == {("sign_in_of_somebody_else", f"booking:{booking.pk}")}
    Consent.objects.filter(pk=booking.consent_id).update(sign_in=learner.sign_in)


def faults() -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(audit.CONSENTS)
        return {(code, row) for code, row, _ in cursor.fetchall()}
