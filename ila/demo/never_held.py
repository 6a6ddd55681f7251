"""A session of the demonstration that never took place: rights come back first, then the provider pays back."""

from datetime import UTC, timedelta
from decimal import Decimal

from stdnum import iso11649

from catalogue.models import MicroCredential, SessionState
from catalogue.services import sessions
from funding.banking.simulator import SimulatedBank
from funding.models import Booking, BookingState, Payment, Receivable, ReceivableState
from funding.models.receivables import UNSETTLED
from funding.services import awards, bank_messages, bookings
from funding.services.recoveries import demands
from ila.core import clock
from ila.core.money import format_cents
from ila.demo import people
from ila.demo.crowd import FIRST_SESSION
from ila.demo.journey import Stage, Walker
from ila.demo.settlement import books_of, let_arrive, open_fund

LEARNER = "Renée Barbier"
COURSE, HOURS = "RS6438_ANGLAIS", Decimal(40)
FOUND_DAY, DEMAND_DAY, REFUND_DAY = 53, 56, 63
REASON = "The session never took place: nobody taught, as a control found."


def walker_of(stage: Stage, hero: Walker) -> Walker:
    """Somebody who books another course of the hero's provider; before the year's rights are credited."""
    credential = MicroCredential.objects.get(
        provider=hero.session.micro_credential.provider, external_id=COURSE
    )
    return Walker(
        stage,
        people.load_learner(LEARNER, stage.scheme),
        credential.sessions.get(external_id=FIRST_SESSION),
        hero.provider_user,
    )


def declare_untaught(walker: Walker) -> None:
    """The provider declares a course that it never gave, and claims it: nobody knows better yet."""
    walker.request(day=1)
    walker.propose(day=2)
    walker.accept(day=3)
    if walker.session.state in (SessionState.OPEN, SessionState.GUARANTEED):
        with walker.stage.on_day(28, 10):
            sessions.start_session(actor=walker.provider_user, session_id=walker.session.pk)
    walker.train(day=28, hours=HOURS)
    walker.declare(day=35)
    walker.claim(day=44)


def take_back(walker: Walker) -> None:
    """A control finds it out: rights first, then the demand, then the provider's transfer with its reference."""
    stage, booking = walker.stage, walker.booking
    if booking is None or booking.state != BookingState.SETTLED:
        return
    receivable = debt() or _restore(stage, walker, booking)
    if receivable.state == ReceivableState.OPENED:
        with stage.on_day(DEMAND_DAY, 9):
            receivable = demands.demand_receivable(actor=stage.staff.case_worker, receivable_id=receivable.pk)
            stage.say(
                f"{receivable.provider} is sent a demand by letter and mail: to be paid by {receivable.due_on}"
                f" with the reference {iso11649.format(receivable.reference)}."
            )
    if receivable.state in UNSETTLED:
        _let_pay(stage, receivable)


def debt() -> Receivable | None:
    """What the provider owes, or owed, for that session."""
    return Receivable.objects.filter(booking__credential__external_id=COURSE).first()


def sights() -> list[tuple[str, str]]:
    """Where to look."""
    receivable = debt()
    if receivable is None:
        return []
    return [(f"/agency/receivables/{receivable.pk}/", "the refund of a session that never took place")]


def _restore(stage: Stage, walker: Walker, booking: Booking) -> Receivable:
    with stage.on_day(FOUND_DAY, 10):
        stage.say(f"A control finds that “{booking.credential.title}” was paid and never took place.")
        # One finding: every booking of the session is undone, the rights first, and the provider owes what it was paid.
        bookings.find_never_held(actor=stage.staff.case_worker, session_id=walker.session.pk, reason=REASON)
        awards.sweep_awards()
        receivable = booking.receivables.get()
        stage.say(
            f"{walker.learner} has the rights back at once; {receivable.provider} owes"
            f" {format_cents(receivable.amount_cents, receivable.currency)}."
        )
    return receivable


def _let_pay(stage: Stage, receivable: Receivable) -> None:
    """The provider's transfer arrives at the bank; its statement says so, and the reference says for what."""
    with stage.on_day(REFUND_DAY, 10):
        moment = clock.now().astimezone(UTC)
        transfer: dict[str, object] = {
            "amount": receivable.free_cents,
            "reference": receivable.reference,
            "debtor": {"name": str(receivable.provider), "iban": receivable.provider.iban},
        }
        # The same bank as paid: it numbers its messages on, and the platform takes no number twice.
        paid = Payment.objects.filter(claim__booking=receivable.booking_id).latest("pk")
        books = books_of(paid.batch)
        with SimulatedBank(clock=moment, state=books) as bank:
            open_fund(bank)
            let_arrive(bank, transfer)
            bank.advance(to=(moment + timedelta(days=1)).date())
            with stage.on_day(REFUND_DAY + 1, 7):
                bank_messages.receive_messages(bank=bank.client, again=True)
                receivable.refresh_from_db()
                stage.say(
                    f"Its transfer of {format_cents(receivable.recovered_cents, receivable.currency)} arrives, known by"
                    f" its reference: the debt is {receivable.get_state_display().lower()}."
                )
        books.unlink(missing_ok=True)
