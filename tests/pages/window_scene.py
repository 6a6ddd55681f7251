"""Windows for pages: a scheme of grants beside the scene's own; the learner waits in one and was granted in another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from catalogue.models import Session
from funding.models import LearningAccount, Place, Scheme, Window
from funding.services import windows
from ila.core import clock
from tests.factories.funding import LearningAccountFactory, SchemeFactory
from tests.pages.support import Scene
from tests.support.world import Learner

PRICE = 120_000


@dataclass
class Grants:
    """A scheme of windows with the scene's agency, provider and learners, and a session that fits."""

    scene: Scene
    scheme: Scheme
    session: Session

    def open_window(
        self, name: str, *, opens_at: datetime, per_s: str | None = None, grants: int = 3
    ) -> Window:
        """A window of thirty days with a budget for so many full grants."""
        return windows.open_window(
            actor=self.scene.case_worker,
            scheme=self.scheme,
            name=name,
            budget_cents=grants * 100_000,
            opens_at=opens_at,
            closes_at=opens_at + timedelta(days=30),
            admissions_per_s=None if per_s is None else Decimal(per_s),
        )

    def join(self, learner: Learner) -> LearningAccount:
        """Give somebody an account in the scheme, and the facts that it asks for."""
        learner.citizen.insured_months = 24
        learner.citizen.save()
        account: LearningAccount = LearningAccountFactory.create(citizen=learner.citizen, scheme=self.scheme)
        return account


def make_grants(scene: Scene) -> Grants:
    """Call inside a database fixture, on the clock of the requests to come."""
    starts = clock.now() + timedelta(days=50)
    scheme = SchemeFactory.create(code="stap")
    session = scene.world.make_session(
        starts_at=starts,
        ends_at=starts + timedelta(days=4),
        price_cents=PRICE,
        offer=scene.world.session.offer,
    )
    return Grants(scene, scheme, session)


@dataclass
class WindowThings:
    """A window in which the learner waits, one from which they were granted, and a session to apply for."""

    waiting: Window
    granted: Window
    session: Session


def make_window_things(scene: Scene) -> WindowThings:
    """What the addresses of windows speak of."""
    grants = make_grants(scene)
    account = grants.join(scene.learner)
    opened = clock.now() - timedelta(hours=1)
    granted = grants.open_window("Without a waiting room", opens_at=opened)
    waiting = grants.open_window("With a waiting room", opens_at=opened, per_s="0.01")
    windows.apply(
        actor=scene.learner.user,
        account_id=account.pk,
        session_id=grants.session.pk,
        window_id=granted.pk,
        sign_in=scene.learner.sign_in,
    )
    Place.objects.create(
        window=waiting,
        account=account,
        number=1,
        taken_at=clock.now(),
        turn_at=clock.now() + timedelta(hours=1),
    )
    return WindowThings(waiting, granted, grants.session)
