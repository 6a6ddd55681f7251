"""Services of the catalogue: applications, suspensions, sessions, seats, providers."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Role
from accounts.services import service_users
from catalogue import tasks
from catalogue.models import Accreditation, SessionSeats
from catalogue.selectors.accreditation import is_accredited
from catalogue.services import accreditations, micro_credentials, providers, sessions
from funding.schemes.presets import load_preset
from funding.schemes.providers import low_rated_until
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory, UserFactory
from tests.factories.catalogue import (
    AccreditationFactory,
    MicroCredentialFactory,
    ProviderFactory,
    SessionFactory,
)

pytestmark = pytest.mark.django_db
START = datetime(2026, 5, 4, 7, tzinfo=UTC)


def test_an_application_from_draft_to_withdrawal_and_again_after_the_waiting_time() -> None:
    provider = ProviderFactory.create()
    applicant = MembershipFactory.create(organisation=provider.organisation, role=Role.MANAGER).user
    officer = MembershipFactory.create(role=Role.CASE_WORKER).user
    with clock.at(START) as hand:
        one = accreditations.apply_for_accreditation(actor=applicant, authority="Qualiopi", provider=provider)
        accreditations.submit_application(actor=applicant, accreditation_id=one.pk)
        accreditations.start_review(actor=officer, accreditation_id=one.pk)
        with pytest.raises(DomainError, match="not_allowed"):
            accreditations.grant_accreditation(actor=applicant, accreditation_id=one.pk)
        accreditations.grant_accreditation(
            actor=officer, accreditation_id=one.pk, valid_from=date(2026, 5, 4), valid_until=date(2029, 5, 3)
        )
        with pytest.raises(DomainError, match="incomplete"):
            accreditations.suspend_accreditation(actor=officer, accreditation_id=one.pk, reason=" ")
        accreditations.suspend_accreditation(actor=officer, accreditation_id=one.pk, reason="audit")
        accreditations.withdraw_accreditation(actor=officer, accreditation_id=one.pk, reason="non-compliance")
        hand.move(START + timedelta(days=364))
        with pytest.raises(DomainError, match="too_early"):
            accreditations.apply_for_accreditation(
                actor=applicant, authority="Qualiopi", provider=provider, waiting_days=365
            )
        hand.move(START + timedelta(days=365))
        again = accreditations.apply_for_accreditation(
            actor=applicant, authority="Qualiopi", provider=provider, waiting_days=365
        )
    assert (again.state, Accreditation.objects.get(pk=one.pk).state) == ("draft", "withdrawn")


def test_strangers_may_neither_apply_nor_record() -> None:
    provider, stranger = ProviderFactory.create(), UserFactory.create()
    for act in (accreditations.apply_for_accreditation, accreditations.record_accreditation):
        with pytest.raises(DomainError, match="not_allowed"):
            act(actor=stranger, authority="Qualiopi", provider=provider)
    with pytest.raises(DomainError, match="not_allowed"):
        providers.create_provider(actor=stranger, register="siret", external_id="1")
    with pytest.raises(DomainError, match="not_allowed"):
        providers.change_iban(actor=stranger, provider_id=provider.pk, iban="")
    micro_credential = MicroCredentialFactory.create()
    with pytest.raises(DomainError, match="not_allowed"):
        sessions.create_session(
            actor=stranger, micro_credential=micro_credential, external_id="S", price_cents=1, currency="EUR"
        )


def test_a_member_may_not_register_what_it_submits() -> None:
    provider = ProviderFactory.create()
    member = MembershipFactory.create(organisation=provider.organisation, role=Role.MANAGER).user
    values: dict[str, Any] = {
        "provider": provider,
        "external_id": "C1",
        "title": "T",
        "kind": "rs",
        "currency": "EUR",
    }
    with pytest.raises(DomainError, match="not_allowed"):
        micro_credentials.create_micro_credential(actor=member, registered=True, **values)
    one = micro_credentials.create_micro_credential(actor=member, **values)
    micro_credentials.submit_micro_credential(actor=member, micro_credential_id=one.pk)
    with pytest.raises(DomainError, match="not_allowed"):
        micro_credentials.register_micro_credential(actor=member, micro_credential_id=one.pk)
    officer = service_users.get("demo")
    for act in ("register", "suspend", "resume", "delist", "relist"):
        move = getattr(micro_credentials, f"{act}_micro_credential")
        state = move(actor=officer, micro_credential_id=one.pk, reason="why").state
    assert state == "registered"


def test_one_live_accreditation_of_an_authority_at_a_time() -> None:
    one = AccreditationFactory.create()
    with pytest.raises(IntegrityError), transaction.atomic():
        AccreditationFactory.create(provider=one.provider)
    AccreditationFactory.create(provider=one.provider, authority="Region")


def test_suspension_counts_from_its_moment_and_the_past_stays_as_it_was() -> None:
    officer = service_users.get("demo")
    credential = MicroCredentialFactory.create()
    provider = credential.provider

    def stands(moment: datetime, regime: str = "provider") -> bool:
        return is_accredited(provider=provider, credential=credential, moment=moment, regime=regime)

    with clock.at(START) as hand:
        one = accreditations.record_accreditation(
            actor=officer, authority="Qualiopi", provider=provider, valid_until=date(2026, 6, 30)
        )
        hand.move(START + timedelta(hours=1))
        accreditations.suspend_accreditation(actor=officer, accreditation_id=one.pk, reason="audit")
        hand.move(START + timedelta(hours=2))
        accreditations.resume_accreditation(actor=officer, accreditation_id=one.pk)
    minute = timedelta(minutes=1)
    assert not stands(START - minute)
    assert stands(START)
    assert stands(START + timedelta(hours=1) - minute)
    assert not stands(START + timedelta(hours=1))
    assert stands(START + timedelta(hours=2))
    assert stands(datetime(2026, 6, 30, 21, 59, tzinfo=UTC))
    assert not stands(datetime(2026, 6, 30, 22, 0, tzinfo=UTC))
    assert not stands(START, regime="both")
    with clock.at(START):
        accreditations.record_accreditation(actor=officer, authority="Region", micro_credential=credential)
    assert stands(START, regime="both")
    assert stands(START, regime="programme")


def test_accreditations_expire_after_their_last_day_at_the_providers_place() -> None:
    officer = service_users.get("clock")
    last = date(2026, 6, 30)
    paris = AccreditationFactory.create(valid_until=last)
    newark = AccreditationFactory.create(valid_until=last, provider__american=True)
    assert accreditations.expire_accreditations(actor=officer, now=datetime(2026, 6, 30, 21, tzinfo=UTC)) == 0
    assert accreditations.expire_accreditations(actor=officer, now=datetime(2026, 6, 30, 22, tzinfo=UTC)) == 1
    paris.refresh_from_db()
    newark.refresh_from_db()
    assert (paris.state, newark.state) == ("expired", "accredited")
    assert accreditations.expire_accreditations(actor=officer, now=datetime(2026, 7, 1, 4, tzinfo=UTC)) == 1


def test_changed_days_are_logged() -> None:
    one = AccreditationFactory.create()
    changed = accreditations.change_validity(
        actor=service_users.get("demo"),
        accreditation_id=one.pk,
        valid_from=None,
        valid_until=date(2027, 1, 1),
    )
    assert changed.valid_until == date(2027, 1, 1)
    assert one.log.get(transition="amend").data["after"] == [None, "2027-01-01"]
    with pytest.raises(DomainError, match="invalid"):
        accreditations.change_validity(
            actor=service_users.get("demo"),
            accreditation_id=one.pk,
            valid_from=date(2027, 1, 2),
            valid_until=date(2027, 1, 1),
        )


def test_a_session_from_plan_to_its_end() -> None:
    actor = service_users.get("demo")
    credential = MicroCredentialFactory.create()
    with clock.at(START) as hand:
        one = sessions.create_session(
            actor=actor,
            micro_credential=credential,
            external_id="S1",
            starts_at=START + timedelta(days=30),
            ends_at=START + timedelta(days=31),
            price_cents=100,
            currency="EUR",
            seats=2,
            opened=False,
        )
        assert one.state == "planned"
        sessions.open_session(actor=actor, session_id=one.pk)
        with pytest.raises(DomainError, match="too_early"):
            sessions.start_session(actor=actor, session_id=one.pk)
        hand.move(START + timedelta(days=30))
        started = sessions.start_session(actor=actor, session_id=one.pk)
        with pytest.raises(DomainError, match="not_allowed"):
            sessions.cancel_session(actor=actor, session_id=one.pk)
        assert sessions.end_session(actor=actor, session_id=one.pk).state == "held"
    assert started.guaranteed_at == START + timedelta(days=30)
    assert list(one.log.order_by("pk").values_list("target", flat=True)) == [
        *("planned", "open", "guaranteed", "running", "held"),
    ]


def test_sessions_can_be_guaranteed_cancelled_or_never_held() -> None:
    actor = service_users.get("demo")
    first, second = SessionFactory.create(), SessionFactory.create(starts_at=START)
    assert sessions.guarantee_session(actor=actor, session_id=first.pk).state == "guaranteed"
    assert sessions.cancel_session(actor=actor, session_id=first.pk, reason="no trainer").state == "cancelled"
    sessions.start_session(actor=actor, session_id=second.pk)
    done = sessions.mark_session_never_held(actor=actor, session_id=second.pk, reason="nobody came")
    assert done.state == "never_held"


def test_seats_are_taken_until_none_is_left_and_given_back() -> None:
    one = SessionFactory.create(seat_count=1)
    sessions.take_seat(session_id=one.pk)
    with pytest.raises(DomainError, match="session_full"):
        sessions.take_seat(session_id=one.pk)
    sessions.free_seat(session_id=one.pk)
    with pytest.raises(RuntimeError):
        sessions.free_seat(session_id=one.pk)
    free = SessionFactory.create()
    for _ in range(3):
        sessions.take_seat(session_id=free.pk)
    assert free.seats.__class__.objects.get(pk=free.pk).taken == 3


@pytest.mark.parametrize("values", [{"taken": 2}, {"taken": -1}, {"seats": 0, "taken": 1}])
def test_the_database_refuses_overbooking(values) -> None:
    one = SessionFactory.create(seat_count=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        SessionSeats.objects.filter(session=one).update(**values)


def test_ibans_are_checked() -> None:
    actor = service_users.get("demo")
    one = providers.create_provider(
        actor=actor, register="siret", external_id="1", iban="FR76 3000 6000 0112 3456 7890 189"
    )
    assert one.iban == "FR7630006000011234567890189"
    assert providers.change_iban(actor=actor, provider_id=one.pk, iban="").iban == ""
    for wrong in ("FR7630006000011234567890188", "FR76", "money"):
        with pytest.raises(DomainError, match="invalid"):
            providers.change_iban(actor=actor, provider_id=one.pk, iban=wrong)


def test_s16_a_suspension_of_three_months_ends_by_itself() -> None:
    officer = service_users.get("demo")
    credential = MicroCredentialFactory.create()
    rules = load_preset("skillsfuture").versions[-1][1]
    with clock.at(datetime(2026, 5, 4, 9, tzinfo=UTC)) as hand:
        last_day = low_rated_until(rules, date(2026, 5, 4))
        assert last_day == date(2026, 8, 4)
        suspended = micro_credentials.suspend_micro_credential(
            actor=officer, micro_credential_id=credential.pk, reason="rated low", until=last_day
        )
        assert (suspended.state, suspended.suspended_until) == ("suspended", last_day)
        # It is midnight at the provider's place in France two hours before it is so in UTC.
        hand.move(datetime(2026, 8, 4, 21, 59, tzinfo=UTC))
        assert tasks.end_suspensions(timestamp=0) == {"ended": 0}
        hand.move(datetime(2026, 8, 4, 22, 0, tzinfo=UTC))
        assert tasks.end_suspensions(timestamp=0) == {"ended": 1}
        assert tasks.end_suspensions(timestamp=0) == {"ended": 0}
    credential.refresh_from_db()
    assert (credential.state, credential.suspended_at, credential.suspended_until) == (
        "registered",
        None,
        None,
    )
    assert credential.log.filter(transition="resume", actor=service_users.get("clock")).count() == 1


def test_a_suspension_without_a_day_lasts_and_none_ends_before_it_begins() -> None:
    officer = service_users.get("demo")
    credential = MicroCredentialFactory.create()
    with clock.at(START) as hand:
        with pytest.raises(DomainError, match="the day is over"):
            micro_credentials.suspend_micro_credential(
                actor=officer,
                micro_credential_id=credential.pk,
                reason="x",
                until=START.date() - timedelta(1),
            )
        micro_credentials.suspend_micro_credential(
            actor=officer, micro_credential_id=credential.pk, reason="x"
        )
        hand.move(START + timedelta(days=4000))
        assert micro_credentials.end_suspensions(actor=service_users.get("clock")) == 0
