"""A chargeback after spending: an employer's direct debit is taken back by its bank weeks after an employee booked.

No card is taken by the demonstration itself: for this one story a stand-in for Stripe runs on this machine, as a
process of its own on the loopback, and ends with it. It comes with the tests; without them the story is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from django.conf import settings
from django.urls import reverse

from funding.models import PayerDebt, TopUp, TopUpState
from funding.services import card_events, card_payments, top_ups, transfers
from funding.services.top_ups import OrderLine
from ila.core import clock
from ila.core.money import format_cents
from ila.demo import employers, people
from ila.demo.crowd import NEXT_SESSION
from ila.demo.journey import Stage, Walker

STAND_IN = "tests.support.fake_stripe"
EMPLOYEE = "Sonia Keller"
AMOUNT_CENTS = 90_000
ORDER_DAY, PAID_DAY, BACK_DAY = 46, 53, 75
PATIENCE_SECONDS = 20
# What the stand-in calls itself; nothing here opens anything anywhere else.
STRIPE = {
    "STRIPE_SECRET_KEY": "sk_test_ila",
    "STRIPE_ACCOUNT": "acct_1ILA00000000test",
    "STRIPE_WEBHOOK_SECRETS": ["whsec_ila_fake"],
    "STRIPE_TIMEOUT": 5.0,
}


def play(stage: Stage, hero: Walker, *, today: int) -> None:
    """Order, debit, booking, and the debit's return after the money was spent. Once."""
    if order() is not None:
        return
    if settings.STRIPE_SECRET_KEY or not (Path(settings.BASE_DIR) / "tests/support/fake_stripe").is_dir():
        stage.tell("   left out: a Stripe key is set, or the stand-in that comes with the tests is not here.")
        return
    with _stand_in(stage) as act:
        _play(stage, hero, act, today=today)


def order() -> TopUp | None:
    """The order whose debit came back, or comes back."""
    return TopUp.objects.filter(lines__account__citizen__user__display_name=EMPLOYEE).first()


def sights() -> list[tuple[str, str]]:
    """Where to look."""
    found = order()
    if found is None:
        return []
    return [
        (
            reverse("employer_top_up", kwargs={"public_id": found.public_id}),
            "an employer's debit that its bank took back (as the employer)",
        ),
        (
            reverse("agency_employer", kwargs={"public_id": found.organisation.public_id}),
            "the employer, and what it owes (as the agency)",
        ),
    ]


def _play(stage: Stage, hero: Walker, act: Any, *, today: int) -> None:
    employer, manager = employers.load_employer(stage)
    account = people.load_learner(EMPLOYEE, stage.scheme)
    with stage.on_day(ORDER_DAY, 10):
        learner = account.citizen.user
        assert learner is not None
        reference = top_ups.give_reference(actor=learner, account_id=account.pk)
        made = top_ups.order_top_up(
            actor=manager,
            organisation=employer.organisation,
            scheme=stage.scheme,
            kind="voluntary",
            lines=[OrderLine(reference.account_id, AMOUNT_CENTS)],
        )
        payment = card_payments.start_for_top_up(actor=manager, top_up_id=made.pk)
        payment = card_payments.open_at_stripe(payment_id=payment.pk)
        act("clock", now=int(clock.now().timestamp()))
        act("pay", session=payment.session_id, method="sepa_debit", outcome="succeeds")
        card_events.sweep()
        stage.say(
            f"{employer.organisation} orders {format_cents(AMOUNT_CENTS, made.currency)} for {EMPLOYEE} and pays by"
            " SEPA direct debit: under way, nothing is on the account yet."
        )
    with stage.on_day(PAID_DAY, 10):
        act("clock", now=int(clock.now().timestamp()))
        card_events.sweep()
        top_ups.allocate_waiting()
        transfers.keep_movements()
        stage.say("The debit has succeeded: the money is on the account.")
    session = hero.session.micro_credential.sessions.get(external_id=NEXT_SESSION)
    walker = Walker(stage, account, session, hero.provider_user, told=True)
    walker.request(day=PAID_DAY + 1)
    walker.propose(day=PAID_DAY + 2)
    walker.accept(day=PAID_DAY + 3)
    with stage.on_day(min(BACK_DAY, today - 1), 10):
        payment.refresh_from_db()
        act("clock", now=int(clock.now().timestamp()))
        act("dispute", intent=payment.intent_id)
        card_events.sweep()
        # Stripe's side of the day is kept beside the books', as the hourly job does.
        transfers.keep_movements()
        made.refresh_from_db()
        debt = PayerDebt.objects.filter(payment=payment).first()
        if made.state == TopUpState.CHARGED_BACK and debt is not None:
            stage.say(
                f"Weeks later the employer's bank takes the debit back. {EMPLOYEE} has spent it and keeps the place;"
                f" {employer.organisation} owes {format_cents(debt.owed_cents, made.currency)}."
            )


@contextmanager
def _stand_in(stage: Stage) -> Iterator[Any]:
    """The stand-in's process for as long as the block, and the platform's settings pointing to it."""
    with stage.on_day(ORDER_DAY, 9):
        command = [sys.executable, "-m", STAND_IN, "0", str(int(clock.now().timestamp()))]
    before = {name: getattr(settings, name) for name in (*STRIPE, "STRIPE_ADDRESS")}
    with subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = f"http://127.0.0.1:{int(process.stdout.readline())}"
            for name, value in (STRIPE | {"STRIPE_ADDRESS": address}).items():
                setattr(settings, name, value)

            def act(what: str, **given: Any) -> Any:
                request = Request(  # noqa: S310 - ours, on the loopback
                    f"{address}/_test/{what}", json.dumps(given).encode(), method="POST"
                )
                with urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310
                    return json.load(answer)["answer"]

            yield act
        finally:
            for name, value in before.items():
                setattr(settings, name, value)
            process.terminate()
            process.wait(PATIENCE_SECONDS)
