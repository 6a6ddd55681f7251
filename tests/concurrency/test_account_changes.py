"""An objection at the moment at which another account comes into force: one of the two happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from catalogue.models import AccountChange, Provider
from catalogue.services import account_changes, listing_claims
from ila.core import clock
from tests.catalogue.providers.desk import IBAN, MONDAY, OTHER_IBAN, SIRET, Desk
from tests.factories.accounts import MembershipFactory
from tests.support.parallel import codes, meeting_before_moves, together, unlocked

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]


@pytest.fixture(autouse=True)
def ground(settings: Any, tmp_path: Path) -> None:
    settings.DOCUMENTS_DIR = tmp_path
    settings.STAND_IN_PAYEES = True


def due(desk: Desk) -> tuple[AccountChange, User]:
    provider = desk.accredited()
    second = MembershipFactory.create(organisation=desk.organisation, role="staff").user
    change = account_changes.ask(
        actor=desk.applicant, provider_id=provider.pk, iban=OTHER_IBAN, holder=str(provider)
    )
    account_changes.confirm(actor=second, change_id=change.pk)
    return account_changes.approve(actor=desk.case_worker, change_id=change.pk), second


def acts(change: AccountChange, second: User) -> tuple[Callable[[], Any], Callable[[], Any]]:
    return (
        account_changes.put_due_into_force,
        lambda: account_changes.object_to(actor=second, change_id=change.pk),
    )


def test_an_objection_races_the_taking_effect() -> None:
    with clock.at(MONDAY) as hand:
        change, second = due(Desk.made())
        hand.move(MONDAY + timedelta(days=7))
        with meeting_before_moves():
            put, objected = together(*acts(change, second))
        stored = AccountChange.objects.get()
        iban = Provider.objects.get().iban
        ends = stored.log.filter(target__in=("in_force", "stopped"))
        assert ends.count() == 1
        if put == 1:
            assert (stored.state, iban, codes([objected])) == ("in_force", OTHER_IBAN, ["not_allowed"])
        else:
            assert (put, stored.state, iban, codes([objected])) == (0, "stopped", IBAN, ["ok"])


def test_without_the_locks_only_the_last_guard_keeps_them_apart() -> None:
    """The control: both get as far as the move, and the state in the row's own update decides."""
    with clock.at(MONDAY) as hand:
        change, second = due(Desk.made())
        hand.move(MONDAY + timedelta(days=7))
        with unlocked(), meeting_before_moves():
            outcomes = together(*acts(change, second))
        assert codes(outcomes) == ["ConcurrentTransition", "ok"]


def test_two_organisations_are_not_given_one_listing() -> None:
    with clock.at(MONDAY):
        Provider.objects.create(
            register="siret", external_id=SIRET, name="Atelier", country="FR", time_zone="Europe/Paris"
        )
        rivals = [Desk.made("One"), Desk.made("Other")]
        claims = [(desk, desk.claim_recommended()) for desk in rivals]
        outcomes = together(
            *(
                lambda desk=desk, one=one: listing_claims.approve(
                    actor=desk.manager, application_id=one.pk, reason="Proved."
                )
                for desk, one in claims
            )
        )
        assert codes(outcomes) == ["duplicate", "ok"]
        assert Provider.objects.get().organisation in {desk.organisation for desk in rivals}
