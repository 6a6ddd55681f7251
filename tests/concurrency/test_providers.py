"""Two case workers, two applicants, two officers at the same moment: one of them wins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from catalogue.models import Accreditation, Application, Provider
from catalogue.services import application_reviews, applications, entry_drafts
from ila.core import clock
from tests.catalogue.providers.desk import MONDAY, Desk
from tests.factories.accounts import MembershipFactory
from tests.support.parallel import codes, meeting_before_moves, together, unlocked

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]


@pytest.fixture(autouse=True)
def ground(settings: Any, tmp_path: Path) -> None:
    settings.DOCUMENTS_DIR = tmp_path
    settings.STAND_IN_PAYEES = True


def decisions(desk: Desk) -> tuple[Callable[[], Any], Callable[[], Any]]:
    one = desk.recommended()
    other = MembershipFactory.create(
        organisation=desk.manager.memberships.get().organisation, role="manager"
    ).user
    told: dict[str, Any] = {"application_id": one.pk, "reason": "Decided"}
    return (
        lambda: application_reviews.accredit(
            actor=desk.manager, valid_from=date(2026, 6, 1), valid_until=date(2029, 5, 31), **told
        ),
        lambda: application_reviews.refuse(actor=other, **told),
    )


def test_two_who_decide_at_once_decide_once() -> None:
    with clock.at(MONDAY):
        acts = decisions(Desk.made())
        with meeting_before_moves():
            outcomes = together(*acts)
        assert codes(outcomes) == ["not_allowed", "ok"]
        accreditation = Accreditation.objects.get()
        assert accreditation.log.filter(target__in=("accredited", "refused")).count() == 1
        accredited = accreditation.state == "accredited"
        assert (Provider.objects.get().organisation is not None) == accredited


def test_without_the_locks_both_would_get_as_far_as_the_move() -> None:
    """The control: what keeps them apart then is the last guard alone, the state in the row's own update."""
    with clock.at(MONDAY):
        acts = decisions(Desk.made())
        with unlocked(), meeting_before_moves():
            outcomes = together(*acts)
        assert codes(outcomes) == ["ConcurrentTransition", "ok"]


def test_two_organisations_with_one_number_are_not_both_heard() -> None:
    with clock.at(MONDAY):
        one, other = Desk.made("One"), Desk.made("Other")
        drafts = [(desk, desk.filled()) for desk in (one, other)]
        outcomes = together(
            *(
                lambda desk=desk, draft=draft: applications.hand_in(
                    actor=desk.applicant, application_id=draft.pk
                )
                for desk, draft in drafts
            )
        )
        assert codes(outcomes) == ["duplicate", "ok"]
        assert Application.objects.filter(accreditation__isnull=False).count() == 1


def test_an_entry_is_registered_or_sent_back() -> None:
    with clock.at(MONDAY):
        desk = Desk.made()
        entry = desk.complete_entry(desk.accredited())
        entry_drafts.submit_entry(actor=desk.applicant, entry_id=entry.pk)
        with meeting_before_moves():
            outcomes = together(
                lambda: entry_drafts.register_entry(actor=desk.case_worker, entry_id=entry.pk),
                lambda: entry_drafts.send_back_entry(actor=desk.manager, entry_id=entry.pk, reason="No"),
            )
        assert codes(outcomes) == ["not_allowed", "ok"]
