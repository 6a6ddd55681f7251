"""Grants kept for learners who pay by card what is above them: a window with the fake Stripe beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Consent
from catalogue.models import Session, SessionSeats
from funding.models import (
    Booking,
    Budget,
    CardPayment,
    GrantCount,
    StripeEvent,
    Window,
    version_on,
)
from funding.schemes.windows import plan_grant
from funding.services import card_events, card_payments
from funding.services.bookings.conditions import conditions_for
from funding.services.bookings.context import calendar_of, read_booking
from funding.services.bookings.texts import Shown, acceptance_text
from ila.core import clock
from tests.funding.windows.stap import make_learner, make_world, open_window
from tests.support.fake_stripe.process import FakeStripe
from tests.support.world import Learner, World

GRANT, OWN = 100_000, 20_000
PRICE = GRANT + OWN
DAYS = timedelta(days=4)


@dataclass
class Counter:
    """A window with budget for so many grants, and a session that costs more than one."""

    stripe: FakeStripe
    grants: int = 3
    slices: int = 1
    seats: int | None = None
    starts_at: datetime | None = None
    world: World = field(default_factory=make_world)

    def __post_init__(self) -> None:
        self.world.session = self.another()
        self.window: Window = open_window(
            self.world,
            self.grants * GRANT,
            opens_at=clock.now() - timedelta(minutes=1),
            closes_at=clock.now() + timedelta(days=30),
            **({"slices": self.slices} if self.slices > 1 else {}),
        )
        self.learner: Learner = make_learner(self.world)
        self.other: Learner = make_learner(self.world)

    def another(self) -> Session:
        """A session that costs more than a grant."""
        dates: dict[str, Any] = {}
        if self.starts_at is not None:
            dates = {"starts_at": self.starts_at, "ends_at": self.starts_at + DAYS}
        return self.world.make_session(price_cents=PRICE, seats=self.seats, **dates)

    def shown(self, learner: Learner, session: Session) -> Shown:
        """What the page of the application shows."""
        scheme, now = self.world.scheme, clock.now()
        rules = version_on(scheme, calendar_of(scheme).local_date(now)).parsed
        asked = Booking(
            account=learner.account,
            session=session,
            credential=session.micro_credential,
            provider=session.micro_credential.provider,
            price_cents=session.price_cents,
            currency=session.currency,
        )
        back = conditions_for(rules, calendar_of(scheme), accepted_at=now, starts_at=session.starts_at)
        text = acceptance_text(asked, rules, plan_grant(rules, session.price_cents), back)
        return Shown(Consent.hash_of(text), "en", text)

    def start(self, learner: Learner | None = None, **changes: Any) -> CardPayment:
        """The learner applies: everything is kept, and Stripe was not asked yet."""
        learner = learner or self.learner
        session = Session.objects.select_related("micro_credential__provider").get(
            pk=changes.get("session_id", self.world.session.pk)
        )
        given: dict[str, Any] = {
            "actor": learner.user,
            "account_id": learner.account.pk,
            "session_id": self.world.session.pk,
            "window_id": self.window.pk,
            "sign_in": learner.sign_in,
            "shown": self.shown(learner, session),
        }
        return card_payments.start_for_application(**{**given, **changes})

    def keep(self, learner: Learner | None = None, **changes: Any) -> CardPayment:
        """The learner applies and comes to the page on which they pay."""
        return card_payments.open_at_stripe(payment_id=self.start(learner, **changes).pk)

    def pay(self, payment: CardPayment, *, method: str = "card", outcome: str = "succeeds") -> Any:
        self.stripe.tick()
        assert payment.session_id is not None
        return self.stripe.pay(payment.session_id, method=method, outcome=outcome)

    def granted(self, learner: Learner | None = None) -> tuple[Booking, CardPayment]:
        """An application whose own part was paid."""
        payment = self.keep(learner)
        self.pay(payment)
        card_events.sweep()
        payment.refresh_from_db()
        assert payment.booking is not None
        booking = read_booking(payment.booking.pk)
        assert booking.state == "accepted", payment.finding
        return booking, payment

    def later(self, **span: float) -> None:
        """Time goes by, here and at Stripe."""
        assert self.stripe.hand is not None
        self.stripe.hand.move(clock.now() + timedelta(**span))
        self.stripe.tick()

    def taken(self) -> tuple[int, int, int]:
        """Seats taken, grants counted, cents left of the budget in all its parts."""
        count = GrantCount.objects.filter(scheme=self.world.scheme).first()
        window = Window.objects.get(pk=self.window.pk)
        assert Budget.objects.filter(available_cents__lt=0).count() == 0
        return (
            SessionSeats.objects.get(session=self.world.session).taken,
            0 if count is None else count.granted,
            window.left_cents,
        )

    def untold(self) -> int:
        """Events that no job has worked on."""
        return StripeEvent.objects.filter(done_at__isnull=True).count()
