"""Another bank account: two persons of the provider, a third of the agency, and a time to object."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Message
from catalogue import payees
from catalogue.models import AccountChange, Provider, ProviderDetail
from catalogue.models.applications import PayeeAnswer
from catalogue.selectors.account_changes import former_accounts, masked
from catalogue.services import account_changes, details, providers
from catalogue.tasks import change_accounts
from ila.core import clock
from ila.core.errors import DomainError
from tests.catalogue.providers.desk import IBAN, OTHER_IBAN, Desk
from tests.catalogue.providers.test_applications import refused
from tests.factories.accounts import MembershipFactory, UserFactory

Hand = clock.VirtualClock
THIRD_IBAN = "FR7610107001011234567890129"


@pytest.fixture
def provider(desk: Desk) -> Provider:
    return desk.accredited()


@pytest.fixture
def second(desk: Desk) -> Any:
    return MembershipFactory.create(organisation=desk.organisation, role="staff").user


def asked(desk: Desk, provider: Provider, **changes: Any) -> AccountChange:
    told: dict[str, Any] = {"iban": OTHER_IBAN, "holder": provider.name, **changes}
    return account_changes.ask(actor=desk.applicant, provider_id=provider.pk, **told)


def approved(desk: Desk, provider: Provider, second: Any) -> AccountChange:
    change = asked(desk, provider)
    account_changes.confirm(actor=second, change_id=change.pk)
    return account_changes.approve(actor=desk.case_worker, change_id=change.pk)


def to(template: str) -> set[str]:
    return set(Message.objects.filter(template=template).values_list("address", flat=True))


def test_the_way_of_a_change_to_the_day_it_is_in_force(
    desk: Desk, provider: Provider, second: Any, hand: Hand
) -> None:
    change = asked(desk, provider)
    everybody = {desk.applicant.email, second.email, "contact@atelier.example.org"}
    assert to("account_change_asked") == everybody
    account_changes.confirm(actor=second, change_id=change.pk)
    assert to("account_change_confirmed") == everybody
    change = account_changes.approve(actor=desk.case_worker, change_id=change.pk)
    assert change.cooling_until == clock.now() + timedelta(days=7)
    hand.move(clock.now() + timedelta(days=7) - timedelta(seconds=1))
    assert change_accounts(timestamp=0) == {"in_force": 0}
    provider.refresh_from_db()
    assert provider.iban == IBAN
    hand.move(clock.now() + timedelta(seconds=1))
    assert change_accounts(timestamp=0) == {"in_force": 1}
    assert change_accounts(timestamp=0) == {"in_force": 0}
    provider.refresh_from_db()
    assert provider.iban == OTHER_IBAN
    assert to("account_change_in_force") == everybody
    assert former_accounts([provider.pk]) == {provider.pk: {IBAN}}
    steps = AccountChange.objects.get().log.order_by("pk").values_list("transition", flat=True)
    assert list(steps) == ["create", "confirm", "approve", "take_effect"]


def test_who_asked_neither_confirms_nor_approves(desk: Desk, provider: Provider, second: Any) -> None:
    change = asked(desk, provider)
    told = {"change_id": change.pk}
    assert (
        refused("not_allowed", account_changes.confirm, actor=desk.applicant, **told).params["reason"]
        == "not_you"
    )
    refused("not_allowed", account_changes.confirm, actor=UserFactory.create(), **told)
    refused("not_allowed", account_changes.confirm, actor=desk.case_worker, **told)
    refused("not_allowed", account_changes.approve, actor=desk.case_worker, **told)
    account_changes.confirm(actor=second, **told)
    refused("not_allowed", account_changes.confirm, actor=second, **told)
    for stranger in (desk.applicant, second, UserFactory.create()):
        refused("not_allowed", account_changes.approve, actor=stranger, **told)


def test_whoever_joined_after_it_was_asked_is_no_second_person(
    desk: Desk, provider: Provider, hand: Hand
) -> None:
    change = asked(desk, provider)
    hand.move(clock.now() + timedelta(minutes=1))
    late = MembershipFactory.create(
        organisation=desk.organisation, role="manager", created_at=clock.now()
    ).user
    error = refused("not_allowed", account_changes.confirm, actor=late, change_id=change.pk)
    assert error.params["reason"] == "too_new"


def test_a_provider_of_one_person_is_called_back(desk: Desk, provider: Provider, hand: Hand) -> None:
    change = asked(desk, provider)
    told: dict[str, Any] = {"change_id": change.pk, "note": "Called +33 4 00, Claude Moreau says so."}
    refused("not_allowed", account_changes.confirm_by_call_back, actor=desk.applicant, **told)
    refused(
        "incomplete",
        account_changes.confirm_by_call_back,
        actor=desk.case_worker,
        change_id=change.pk,
        note=" ",
    )
    account_changes.confirm_by_call_back(actor=desk.case_worker, **told)
    # Who called back does not approve.
    error = refused("not_allowed", account_changes.approve, actor=desk.case_worker, change_id=change.pk)
    assert error.params["reason"] == "not_you"
    account_changes.approve(actor=desk.manager, change_id=change.pk)
    hand.move(clock.now() + timedelta(days=8))
    assert account_changes.put_due_into_force() == 1


def test_where_there_is_a_second_person_nobody_is_called_instead(
    desk: Desk, provider: Provider, second: Any
) -> None:
    change = asked(desk, provider)
    error = refused(
        "not_allowed",
        account_changes.confirm_by_call_back,
        actor=desk.case_worker,
        change_id=change.pk,
        note="Called",
    )
    assert error.params["reason"] == "second_person"


def test_an_objection_ends_it_at_every_step_and_by_the_link(
    desk: Desk, provider: Provider, second: Any, hand: Hand
) -> None:
    for steps in range(3):
        change = asked(desk, provider)
        if steps:
            account_changes.confirm(actor=second, change_id=change.pk)
        if steps > 1:
            account_changes.approve(actor=desk.case_worker, change_id=change.pk)
        token = str(Message.objects.filter(template="account_change_asked").latest("pk").context["token"])
        stopped = account_changes.object_by_link(token=token)
        assert (stopped.pk, stopped.state) == (change.pk, "stopped")
        refused("not_allowed", account_changes.object_by_link, token=token)
    hand.move(clock.now() + timedelta(days=30))
    assert account_changes.put_due_into_force() == 0
    provider.refresh_from_db()
    assert provider.iban == IBAN
    assert Message.objects.filter(template="account_change_stopped", recipient=desk.manager).count() == 3
    refused(
        "not_found", account_changes.object_by_link, token=token[:-1] + ("A" if token[-1] != "A" else "B")
    )
    refused("not_found", account_changes.object_by_link, token="nothing")


def test_what_is_in_force_is_not_objected_to(desk: Desk, provider: Provider, second: Any, hand: Hand) -> None:
    change = approved(desk, provider, second)
    hand.move(clock.now() + timedelta(days=7))
    account_changes.put_due_into_force()
    refused("not_allowed", account_changes.object_to, actor=second, change_id=change.pk)
    refused("not_allowed", account_changes.refuse, actor=desk.manager, change_id=change.pk, reason="Late")
    refused("not_allowed", account_changes.take_back, actor=desk.applicant, change_id=change.pk)


def test_refused_and_taken_back(desk: Desk, provider: Provider, second: Any) -> None:
    change = asked(desk, provider)
    refused(
        "not_allowed", account_changes.ask, actor=second, provider_id=provider.pk, iban=THIRD_IBAN, holder="X"
    )
    refused("incomplete", account_changes.refuse, actor=desk.case_worker, change_id=change.pk, reason="")
    refused("not_allowed", account_changes.refuse, actor=second, change_id=change.pk, reason="No")
    account_changes.refuse(
        actor=desk.case_worker, change_id=change.pk, reason="The bank is in another country."
    )
    assert to("account_change_ended")
    again = asked(desk, provider)
    refused("not_allowed", account_changes.take_back, actor=UserFactory.create(), change_id=again.pk)
    assert account_changes.take_back(actor=second, change_id=again.pk).state == "taken_back"


@pytest.mark.parametrize(
    ("answer", "code"), [("no_match", "payee_no_match"), ("close_match", "payee_close_match")]
)
def test_the_bank_says_that_it_is_another_name(
    desk: Desk, provider: Provider, answer: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        payees.StandInPayees,
        "verify",
        lambda *_, **__: payees.Verification(PayeeAnswer(answer), "The real one"),
    )
    with pytest.raises(DomainError) as refusal:
        asked(desk, provider)
    assert refusal.value.code == code
    assert not AccountChange.objects.exists()
    if code == "payee_close_match":
        assert refusal.value.params["name"] == "The real one"
        change = asked(desk, provider, accept_close=True)
        assert (change.payee_answer, change.payee_name) == ("close_match", "The real one")
    else:
        with pytest.raises(DomainError):
            asked(desk, provider, accept_close=True)


def test_an_account_that_no_bank_vouches_for_needs_a_note(
    desk: Desk, provider: Provider, second: Any, settings: Any
) -> None:
    settings.STAND_IN_PAYEES = False
    change = asked(desk, provider)
    assert change.payee_answer == "not_possible"
    account_changes.confirm(actor=second, change_id=change.pk)
    refused("incomplete", account_changes.approve, actor=desk.case_worker, change_id=change.pk)
    account_changes.approve(actor=desk.case_worker, change_id=change.pk, note="Letter of the bank seen")


def test_strangers_ask_for_nothing_and_no_bank_is_asked(
    desk: Desk, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a bank was asked")

    monkeypatch.setattr(payees.StandInPayees, "verify", never)
    for actor in (UserFactory.create(), desk.case_worker, Desk.made("Rival").applicant):
        told: dict[str, Any] = {"actor": actor, "provider_id": provider.pk, "holder": "X"}
        refused("not_allowed", account_changes.ask, iban=OTHER_IBAN, **told)
    refused(
        "invalid", account_changes.ask, actor=desk.applicant, provider_id=provider.pk, iban=IBAN, holder="X"
    )
    refused(
        "invalid", account_changes.ask, actor=desk.applicant, provider_id=provider.pk, iban="FR76", holder="X"
    )


def test_an_address_that_was_changed_first_is_told_all_the_same(
    desk: Desk, provider: Provider, hand: Hand
) -> None:
    contact = ProviderDetail.objects.get(provider=provider, kind="contact")
    facts = {**contact.facts, "email": "thief@example.org"}
    details.add_detail(
        actor=desk.applicant,
        provider_id=provider.pk,
        kind="contact",
        facts=facts,
        valid_from=contact.valid_from,
    )
    hand.move(clock.now() + timedelta(days=3))
    assert {"contact@atelier.example.org", "thief@example.org"} <= set(asked(desk, provider).told)


def test_nobody_enters_another_account_by_hand(desk: Desk, provider: Provider) -> None:
    for actor in (desk.applicant, desk.case_worker, desk.manager):
        refused("not_allowed", providers.change_iban, actor=actor, provider_id=provider.pk, iban=OTHER_IBAN)


def test_an_application_with_another_account_asks_for_a_change(
    desk: Desk, provider: Provider, hand: Hand
) -> None:
    """Accredited anew with another account in the file: the known one is paid into until the change is in force."""
    application = provider.applications.get()
    application.iban = OTHER_IBAN
    application.save()
    with transaction.atomic():
        change = account_changes.ask_of_application(application, provider)
    assert change is not None
    assert (change.state, change.iban_before, change.iban) == ("asked", IBAN, OTHER_IBAN)
    with transaction.atomic():
        assert account_changes.ask_of_application(application, provider) is None


def test_the_database_keeps_the_time_to_object(desk: Desk, provider: Provider, second: Any) -> None:
    change = approved(desk, provider, second)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalogue_accountchange SET state = 'in_force', in_force_at = now() WHERE id = %s",
            [change.pk],
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        AccountChange.objects.filter(pk=change.pk).update(approved_by=second)


def test_an_account_is_shown_without_its_middle() -> None:
    assert masked(IBAN) == "FR•• •••• 2606"
    assert masked("") == ""
