"""The learner's own part of the demonstration: it comes by bank transfer before the booking binds."""

from datetime import UTC, timedelta

from accounts.models import Consent
from funding.banking.simulator import SimulatedBank
from funding.models import Booking, BookingState, OwnTransfer, Source, version_on
from funding.services import bank_messages, own_transfers
from funding.services.bookings.acceptance import lots_of, plan_for
from funding.services.bookings.conditions import conditions_for
from funding.services.bookings.context import calendar_of
from funding.services.bookings.texts import Shown, acceptance_text
from ila.core import clock
from ila.core.money import format_cents
from ila.demo import people
from ila.demo.journey import Walker
from ila.demo.settlement import let_arrive, open_fund, own_books

PAYER_IBAN = "FR7630004000031234567890143"


def accept(walker: Walker, *, day: int) -> None:
    """The learner consents, transfers their part, and has booked once it has come; where they pay none, at once."""
    stage, booking = walker.stage, walker.booking
    if booking is None or booking.state != BookingState.PROPOSED:
        return
    transfer = OwnTransfer.objects.filter(booking=booking, state="opened").first()
    if transfer is None:
        with stage.on_day(day, 20, 15):
            shown, own_cents = _shown(booking)
            if not own_cents:
                walker.accept(day=day)
                return
            transfer = own_transfers.start_for_booking(
                actor=walker.learner,
                booking_id=booking.pk,
                sign_in=people.strong_sign_in(walker.account),
                shown=shown,
            )
            stage.say(
                f"{walker.learner} consents with the e-identity; their own part of"
                f" {format_cents(transfer.amount_cents, transfer.currency)} is to come by transfer with the"
                f" reference {transfer.shown_reference}. Seat and rights are kept so long."
            )
    with stage.on_day(day + 1, 10):
        moment = clock.now().astimezone(UTC)
        with SimulatedBank(clock=moment, state=own_books()) as bank:
            open_fund(bank)
            let_arrive(
                bank,
                {
                    "amount": transfer.missing_cents,
                    "reference": transfer.reference,
                    "debtor": {"name": str(walker.learner), "iban": PAYER_IBAN},
                },
            )
            bank.advance(to=(moment + timedelta(days=1)).date())
            with stage.on_day(day + 2, 7):
                bank_messages.receive_messages(bank=bank.client, again=True)
                own_transfers.settle_waiting()
                transfer.refresh_from_db()
                stage.say(
                    f"The bank tells of {format_cents(transfer.received_cents, transfer.currency)} from"
                    f" {walker.learner}: {transfer.get_state_display().lower()}, and the booking is accepted."
                )
                walker.show_end()


def _shown(booking: Booking) -> tuple[Shown, int]:
    """The text of the consent as the page shows it, and what the learner pays themselves, in cents."""
    now, scheme = clock.now(), booking.account.scheme
    rules = version_on(scheme, calendar_of(scheme).local_date(now)).parsed
    plan = plan_for(booking, rules, lots_of(booking.account), now)
    conditions = conditions_for(
        rules, calendar_of(scheme), accepted_at=now, starts_at=booking.session.starts_at
    )
    text = acceptance_text(booking, rules, plan, conditions)
    return Shown(Consent.hash_of(text), "en", text), plan.by_source().get(Source.LEARNER, 0)
