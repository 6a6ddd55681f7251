"""A world with STAP windows: an agency, a provider, courses, learners, at the opening of a window."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from funding.models import Booking, Window
from funding.services import windows
from tests.factories.funding import SchemeFactory
from tests.support.world import Learner, World

OPENS = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
CLOSES = datetime(2026, 6, 30, 22, 0, tzinfo=UTC)
PRICE = 90_000

_numbers = count(1)


def make_world() -> World:
    """Inside a virtual clock at OPENS: the world's session starts seven weeks later, at 900.00."""
    world = World(scheme=SchemeFactory.create(code="stap"))
    world.session = world.make_session(price_cents=PRICE)
    return world


def open_window(world: World, budget_cents: int = 10**7, **changes: Any) -> Window:
    """A window that is open."""
    values = {"opens_at": OPENS, "closes_at": CLOSES, **changes}
    return windows.open_window(
        actor=world.case_worker,
        scheme=world.scheme,
        name=f"W{next(_numbers)}",
        budget_cents=budget_cents,
        **values,
    )


def make_learner(world: World, **facts: Any) -> Learner:
    """Eligible unless told otherwise."""
    return world.make_learner(rights_cents=0, **{"insured_months": 24, **facts})


def apply(
    world: World, window: Window, learner: Learner, *, key: str | None = None, **changes: Any
) -> Booking:
    """The learner applies for the world's session."""
    values: dict[str, Any] = {
        "actor": learner.user,
        "account_id": learner.account.pk,
        "session_id": world.session.pk,
        "window_id": window.pk,
        "sign_in": learner.sign_in,
        "idempotency_key": key,
    }
    return windows.apply(**{**values, **changes})
