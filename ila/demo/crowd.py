"""Other learners' bookings, each at another point of its way, so that every page has something to show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from accounts.models import Citizen, CitizenStatus, User
from catalogue.models import MicroCredential, Provider, Session
from funding.models import BookingState
from funding.services import bookings
from ila.core import clock
from ila.demo import people
from ila.demo.journey import Stage, Walker

NAMES = (
    "Nadia Benali", "Hugo Laurent", "Aminata Diallo", "Louis Moreau", "Inès Ferreira", "Paul Le Gall",
    "Sofia Haddad", "Antoine Girard", "Fatou Traoré", "Jules Lambert", "Claire Fontaine", "Karim Rousseau",
    "Elena Kowalski", "Thomas Roux", "Manon Petit", "Yann Leroy",
)  # fmt: skip
FIRST_SESSION, NEXT_SESSION = "S1", "S3"


@dataclass
class Crowd:
    """The other bookings. `today`: how many days into the story the present is."""

    stage: Stage
    credentials: Sequence[MicroCredential]
    today: int

    def walkers(self) -> list[Walker]:
        """One walker per name; the first half booked the first sessions, the others book sessions to come."""
        found = []
        for place, name in enumerate(NAMES):
            credential = self.credentials[place % len(self.credentials)]
            birth_date = date(1968, 3, 14) + timedelta(days=1000 * place)
            account = people.load_learner(name, self.stage.scheme, birth_date=birth_date)
            found.append(
                Walker(
                    self.stage,
                    account,
                    self._session(credential, place),
                    self._provider_user(credential.provider),
                )
            )
        return found

    @staticmethod
    def lose_work(walkers: Sequence[Walker]) -> None:
        """Some look for work by now: earlier rights stay, and no participation is due (F-10)."""
        citizens = [walker.account.citizen_id for walker in walkers[4::5]]
        Citizen.objects.filter(pk__in=citizens).update(status=CitizenStatus.JOB_SEEKER)

    def play_past(self, walkers: Sequence[Walker]) -> None:
        """Bookings of the first sessions, up to the day before the payment."""
        for place, walker in enumerate(walkers[:8]):
            walker.request(day=1)
            walker.propose(day=2)
            walker.accept(day=3)
            if place == 4:
                self._withdraw(walker)
            elif place == 5:
                self._cancel_late(walker)
            elif place == 6:
                self._no_show(walker)
            else:
                hours = walker.session.micro_credential.hours or Decimal(0)
                walker.train(day=28, hours=hours * (100 - 5 * place) / 100)
                walker.declare(day=35)
            walker.claim(day=44, approved=place < 4)

    def play_present(self, walkers: Sequence[Walker]) -> None:
        """Bookings of sessions to come: accepted, disputed, proposed, requested."""
        for place, walker in enumerate(walkers[8:]):
            walker.request(day=self.today - 3)
            if place < 6:
                walker.propose(day=self.today - 2)
            if place < 4:
                walker.accept(day=self.today - 1)
            if place == 3:
                self._dispute(walker)

    def _withdraw(self, walker: Walker) -> None:
        booking = walker.booking
        if booking is not None and booking.state == BookingState.ACCEPTED:
            with self.stage.on_day(8):
                bookings.withdraw(actor=walker.learner, booking_id=booking.pk)

    def _cancel_late(self, walker: Walker) -> None:
        booking = walker.booking
        if booking is not None and booking.state == BookingState.ACCEPTED:
            with self.stage.on_day(27):
                bookings.cancel_by_learner(
                    actor=walker.learner, booking_id=booking.pk, reason="changed my mind"
                )

    def _no_show(self, walker: Walker) -> None:
        booking = walker.booking
        if booking is not None and booking.state == BookingState.ACCEPTED:
            with self.stage.on_day(29):
                bookings.declare_no_show(actor=walker.provider_user, booking_id=booking.pk, justified=False)

    def _dispute(self, walker: Walker) -> None:
        booking = walker.booking
        if booking is not None and booking.state == BookingState.ACCEPTED:
            with self.stage.on_day(self.today - 1, 21):
                bookings.deny_consent(actor=walker.learner, booking_id=booking.pk, reason="This was not me")

    def _session(self, credential: MicroCredential, place: int) -> Session:
        number = FIRST_SESSION if place < 8 else NEXT_SESSION
        return credential.sessions.get(external_id=number)

    def _provider_user(self, provider: Provider) -> User:
        return people.load_provider_member(provider, f"provider.{provider.external_id[:5]}")


def days_since(stage: Stage) -> int:
    """How many days into the story the present is."""
    zone = ZoneInfo(stage.scheme.timezone)
    return (clock.now().astimezone(zone).date() - stage.first_day.astimezone(zone).date()).days
