"""An employer of the demonstration: its transfer arrives at the bank, and an employee spends it."""

from stdnum import iso11649

from accounts.models import Employer, EmployerState, User
from accounts.services import employers
from funding.models import TopUp, TopUpState
from funding.services import top_ups
from funding.services.top_ups import OrderLine
from ila.core.money import format_cents
from ila.demo import people
from ila.demo.crowd import NEXT_SESSION
from ila.demo.journey import Stage, Walker

NAME = "Ateliers du Rhône"
NUMBER = "73282932000074"
EMPLOYEE = "Malik Ferrand"
AMOUNT_CENTS = 120_000
ORDER_DAY = 45
PAID_DAY = 52
PAYER_IBAN = "DE89370400440532013000"


def order_top_up(stage: Stage, hero: Walker) -> TopUp:
    """The employee gives a reference, the employer orders by it."""
    walker = _walker(stage, hero)
    employer, manager = load_employer(stage)
    known = TopUp.objects.filter(organisation=employer.organisation).order_by("pk").first()
    if known is not None:
        return known
    with stage.on_day(ORDER_DAY, 10):
        reference = top_ups.give_reference(actor=walker.learner, account_id=walker.account.pk)
        order = top_ups.order_top_up(
            actor=manager,
            organisation=employer.organisation,
            scheme=stage.scheme,
            kind="voluntary",
            lines=[OrderLine(reference.account_id, AMOUNT_CENTS)],
        )
        stage.say(
            f"{employer.organisation} orders {format_cents(AMOUNT_CENTS, order.currency)} for one employee"
            f" by the reference {reference.shown} that they gave; nothing is on the account yet."
        )
    return order


def transfer_of(order: TopUp) -> dict[str, object] | None:
    """The employer's transfer as the bank takes it; nothing when it has come."""
    order.refresh_from_db()
    if order.state != TopUpState.PENDING:
        return None
    return {
        "amount": order.missing_cents,
        "reference": order.reference,
        "debtor": {"name": NAME, "iban": PAYER_IBAN},
    }


def spend_top_up(stage: Stage, hero: Walker, order: TopUp, *, today: int) -> None:
    """The money that came is put on the employee's account, and a booking draws it first (F-07)."""
    order.refresh_from_db()
    if order.state == TopUpState.PAID:
        with stage.on_day(PAID_DAY, 12):
            receipt = order.receipts.latest("pk")
            stage.say(
                f"{receipt.payer_name} has paid {format_cents(receipt.amount_cents, order.currency)}, known by its"
                f" reference {iso11649.format(order.reference)}: the order is paid."
            )
            top_ups.allocate_top_up(top_up_id=order.pk)
            stage.say(f"The money is on {EMPLOYEE}'s account, kept apart as the employer's (F-05).")
    order.refresh_from_db()
    if order.state == TopUpState.ALLOCATED:
        walker = _walker(stage, hero)
        walker.request(day=today - 6)
        walker.propose(day=today - 5)
        walker.accept(day=today - 4)


def _walker(stage: Stage, hero: Walker) -> Walker:
    account = people.load_learner(EMPLOYEE, stage.scheme)
    session = hero.session.micro_credential.sessions.get(external_id=NEXT_SESSION)
    return Walker(stage, account, session, hero.provider_user, told=True)


def load_employer(stage: Stage) -> tuple[Employer, User]:
    """The employer, verified, and who signs in for it."""
    known = Employer.objects.filter(number=NUMBER).select_related("organisation").first()
    manager = people.load_person("employer")
    if known is None:
        with stage.on_day(ORDER_DAY - 3, 9):
            known = employers.register_employer(
                actor=manager,
                name=NAME,
                country="FR",
                number=NUMBER,
                contact_name="Alix Roux",
                contact_email=manager.email,
            )
    if known.state == EmployerState.APPLIED:
        with stage.on_day(ORDER_DAY - 1, 9):
            known = employers.decide_employer(
                actor=stage.staff.case_worker, employer_id=known.pk, verified=True
            )
            stage.say(f"{stage.staff.case_worker} verifies {known.organisation} as an employer.")
    return known, manager
