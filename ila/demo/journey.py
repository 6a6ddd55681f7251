"""The main job, step by step: one learner's course from the request to the reconciled payment.

Each step looks at what has been done and does what is missing, so that an interrupted demonstration goes on
where it stopped. The clock is virtual: the story began some eleven weeks ago.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Sum

from accounts.models import User
from accounts.services import service_users
from catalogue.models import Session
from funding.models import (
    Booking,
    BookingState,
    Bucket,
    ClaimState,
    LearningAccount,
    Lot,
    Posting,
    Scheme,
)
from funding.services import bookings, claim_approvals, claims, due
from ila.core import clock
from ila.core.money import format_cents
from ila.demo import people
from ila.demo.people import Staff

Tell = Callable[[str], None]
S = BookingState


@dataclass
class Stage:
    """Where everything happens: the scheme, its people, the day the story began, and who is told."""

    scheme: Scheme
    staff: Staff
    first_day: datetime
    tell: Tell

    @contextmanager
    def on_day(self, day: int, hour: int = 9, minute: int = 0) -> Iterator[None]:
        """Let the present be that many days into the story, at an hour of the scheme's clock."""
        zone = ZoneInfo(self.scheme.timezone)
        local = self.first_day.astimezone(zone).date() + timedelta(days=day)
        with clock.at(datetime.combine(local, time(hour, minute), tzinfo=zone)):
            yield

    def say(self, text: str) -> None:
        """Tell a step with the day on which it happens."""
        moment = clock.now().astimezone(ZoneInfo(self.scheme.timezone))
        self.tell(f"{moment:%a %d %b %Y %H:%M}  {text}")


@dataclass
class Walker:
    """Takes one booking along its way, as far as it is told."""

    stage: Stage
    account: LearningAccount
    session: Session
    provider_user: User
    told: bool = False

    @property
    def booking(self) -> Booking | None:
        """The learner's booking of the session, fresh; None before the request."""
        found = Booking.objects.filter(account=self.account, session=self.session).order_by("-pk").first()
        return None if found is None else bookings.read_booking(found.pk)

    @property
    def learner(self) -> User:
        user = self.account.citizen.user
        if user is None:
            raise ValueError("a learner of the story signs in")
        return user

    def request(self, *, day: int) -> None:
        """The learner asks for a place."""
        if self.booking is None:
            with self.stage.on_day(day, 10):
                booking = bookings.request_booking(
                    actor=self.learner, account_id=self.account.pk, session_id=self.session.pk
                )
                self._say(f"{self.learner} asks for a place in “{booking.credential.title}”.")

    def propose(self, *, day: int) -> None:
        """The provider proposes the place at the session's price."""
        booking = self._in(S.REQUESTED)
        if booking is not None:
            with self.stage.on_day(day, 9, 30):
                bookings.propose(actor=self.provider_user, booking_id=booking.pk)
                self._say(f"{booking.provider} proposes it for {self._money(booking.price_cents)}.")

    def accept(self, *, day: int) -> None:
        """The learner consents with the national e-identity."""
        booking = self._in(S.PROPOSED)
        if booking is not None:
            with self.stage.on_day(day, 20, 15):
                sign_in = people.strong_sign_in(self.account)
                booking = bookings.accept(
                    actor=self.learner,
                    booking_id=booking.pk,
                    sign_in=sign_in,
                    idempotency_key=f"demo-{booking.pk}",
                )
                shares = ", ".join(
                    f"{self._money(each.amount_cents)} from {each.source}"
                    for each in booking.allocations.all()
                )
                self._say(f"{self.learner} consents with the e-identity: {shares}.")
                self._show_money(booking)

    def train(
        self, *, day: int, hours: Decimal, exit_reason: str = "complete", certified: bool = False
    ) -> None:
        """Entry, attendance in hours, the certificate of an examination passed, exit."""
        booking = self._in(S.ACCEPTED)
        if booking is not None:
            with self.stage.on_day(day, 10):
                bookings.declare_entry(actor=self.provider_user, booking_id=booking.pk)
                self._say("The training begins: entry declared.")
        booking = self._in(S.IN_TRAINING)
        if booking is not None:
            with self.stage.on_day(day + 4, 17):
                if not booking.attendance.exists():
                    bookings.record_attendance(actor=self.provider_user, booking_id=booking.pk, hours=hours)
                if certified and not booking.certificates.exists():
                    bookings.record_certificate(actor=self.provider_user, booking_id=booking.pk)
                    self._say("The examination is passed: the provider records the certificate.")
                bookings.declare_exit(
                    actor=self.provider_user, booking_id=booking.pk, exit_reason=exit_reason
                )
                self._say(f"The training ends: {hours} of {booking.credential.hours:g} hours attended.")

    def declare(self, *, day: int) -> None:
        """The provider declares the service; nobody objects, so it validates itself."""
        booking = self._in(S.LEFT)
        if booking is not None:
            with self.stage.on_day(day):
                declared = bookings.declare_service(actor=self.provider_user, booking_id=booking.pk)
                self._say(f"The provider declares the service: {declared.declared_percent} % done.")
        booking = self._in(S.SERVICE_DECLARED)
        if booking is not None and booking.next_due_at is not None:
            with clock.at(booking.next_due_at + timedelta(hours=6)):
                due.run_due()
                self._say("Five working days later it validates itself; what was not done goes back.")
                self._show_money(booking)

    def claim(self, *, day: int, approved: bool = True) -> None:
        """The provider claims; somebody else approves."""
        booking = self._in(S.SERVICE_VALIDATED, S.CANCELLED_BY_LEARNER, S.NO_SHOW)
        if booking is None:
            return
        claim = booking.claims.exclude(state=ClaimState.REJECTED).first()
        with self.stage.on_day(day, 9):
            if claim is None:
                claim = claims.claim_booking(actor=self.provider_user, booking_id=booking.pk)
                self._say(f"The provider claims {self._money(claim.amount_cents)}.")
        two = claim.state == ClaimState.SUBMITTED and claim_approvals.needs_two(claim)
        if two and claim_approvals.first_of(claim) is None:
            with self.stage.on_day(day, 10):
                claims.approve_claim(actor=self.stage.staff.approver, claim_id=claim.pk)
                self._say(f"{self.stage.staff.approver} is the first of two who approve a claim this large.")
        if approved and claim.state == ClaimState.SUBMITTED:
            with self.stage.on_day(day, 11):
                claims.approve_claim(actor=self.stage.staff.claims_officer, claim_id=claim.pk)
                self._say(f"{self.stage.staff.claims_officer} approves the claim.")
                self._show_money(booking)

    def show_end(self) -> None:
        """Where the money is at the end."""
        booking = self.booking
        if booking is not None:
            self._show_money(booking)

    def retell(self) -> None:
        """What a run before this one did, from the booking's own log."""
        booking = self.booking
        if booking is None:
            return
        self.stage.tell("The story was played before; this is what the log says of it.")
        for row in booking.log.order_by("pk").select_related("actor"):
            with clock.at(row.at):
                self.stage.say(f"{BookingState(row.target).label}, by {row.actor}.")

    def _in(self, *states: BookingState) -> Booking | None:
        booking = self.booking
        return booking if booking is not None and booking.state in states else None

    def _say(self, text: str) -> None:
        if self.told:
            self.stage.say(text)

    def _show_money(self, booking: Booking) -> None:
        if self.told:
            self.stage.tell("                       " + money_line(booking))

    def _money(self, cents: int) -> str:
        return format_cents(cents, self.stage.scheme.currency)


def money_line(booking: Booking) -> str:
    """Where each euro of a booking and of its learner's account stands, in one line."""
    sums = dict(
        Posting.objects.filter(booking=booking)
        .exclude(bucket=Bucket.APPROPRIATION)
        .values_list("bucket")
        .annotate(cents=Sum("amount_cents"))
    )
    available = (
        Lot.objects.filter(account=booking.account).aggregate(cents=Sum("available_cents"))["cents"] or 0
    )
    parts = [f"account {format_cents(available, booking.currency)}"]
    words = {
        Bucket.HELD: "held",
        Bucket.PAYABLE: "payable",
        Bucket.IN_TRANSIT: "in transit",
        Bucket.PAID: "paid",
        Bucket.REFUND_DUE: "to be refunded",
    }
    parts += [
        f"{word} {format_cents(sums[bucket], booking.currency)}"
        for bucket, word in words.items()
        if sums.get(bucket)
    ]
    return " · ".join(parts)


def service_user() -> User:
    """Who acts when the demonstration itself acts."""
    return service_users.get("demo")
