"""Providers, accreditation, micro-credentials, offers and sessions."""

from datetime import UTC, date, datetime
from typing import Any

from factory.declarations import LazyAttribute, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory

from accounts.services import service_users
from catalogue.models import (
    Accreditation,
    AccreditationState,
    CredentialKind,
    CredentialState,
    MicroCredential,
    Offer,
    Provider,
    Session,
    SessionSeats,
    SessionState,
)
from ila.core import clock, fsm
from tests.factories.accounts import OrganisationFactory


def siret(number: int) -> str:
    """The n-th SIRET of a made-up series that passes the Luhn test."""
    digits = f"{500_000_000 + number:09d}0001"
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return f"{digits}{-total % 10}"


class MachineFactory(DjangoModelFactory[Any]):
    """Starts a machine in the state it is given, with its first log row."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: type[Any], *_args: Any, **kwargs: Any) -> Any:
        made = model_class(**kwargs)
        fsm.start(made, actor=service_users.get("demo"))
        return made


class ProviderFactory(DjangoModelFactory[Provider]):
    """A French provider with an organisation; accredited with the trait `accredited`."""

    class Meta:
        model = Provider
        skip_postgeneration_save = True

    class Params:
        nameless = Trait(name="")
        unnamed = Trait(name=None)
        american = Trait(register="etpl-nj", country="US", time_zone="America/New_York")

    register = "siret"
    external_id = Sequence(siret)
    name = Sequence(lambda n: f"Formations {n}")
    organisation = SubFactory(OrganisationFactory, provider=True)
    country = "FR"
    time_zone = "Europe/Paris"


class AccreditationFactory(MachineFactory):
    """An accreditation of a provider without end, in force."""

    class Meta:
        model = Accreditation

    class Params:
        draft = Trait(state=AccreditationState.DRAFT, accredited_at=None)
        suspended = Trait(
            state=AccreditationState.SUSPENDED, suspended_at=LazyAttribute(lambda _: clock.now())
        )
        ended = Trait(valid_until=date(2020, 12, 31))

    provider = SubFactory(ProviderFactory)
    authority = "Qualiopi"
    state = AccreditationState.ACCREDITED
    accredited_at = LazyAttribute(lambda _: clock.now())


class MicroCredentialFactory(MachineFactory):
    """A registered RS certification of 50 hours."""

    class Meta:
        model = MicroCredential

    class Params:
        draft = Trait(state=CredentialState.DRAFT, registered_at=None)
        suspended = Trait(state=CredentialState.SUSPENDED, suspended_at=LazyAttribute(lambda _: clock.now()))
        delisted = Trait(state=CredentialState.DELISTED, delisted_at=LazyAttribute(lambda _: clock.now()))
        without_sessions = Trait(price_cents=100_000)

    provider = SubFactory(ProviderFactory)
    external_id = Sequence(lambda n: f"C{n}")
    entry = LazyAttribute(lambda one: f"{one.provider.external_id}/{one.external_id}")
    title = Sequence(lambda n: f"Certification {n}")
    kind = CredentialKind.RS
    code = "RS6604"
    hours = 50
    currency = "EUR"
    state = CredentialState.REGISTERED
    registered_at = LazyAttribute(lambda _: clock.now())


class OfferFactory(DjangoModelFactory[Offer]):
    """An offer in person at 1,650.00."""

    class Meta:
        model = Offer

    class Params:
        online = Trait(mode="online", city="", postcode="")

    micro_credential = SubFactory(MicroCredentialFactory)
    external_id = Sequence(lambda n: f"A{n}")
    mode = "in_person"
    city = "Lardy"
    postcode = "91510"
    country = "FR"
    currency = "EUR"
    price_cents = 165_000


class SessionFactory(MachineFactory):
    """An open session at 1,650.00 without a limit of seats, in five days of June 2027; `seat_count` limits them."""

    class Meta:
        model = Session

    class Params:
        planned = Trait(state=SessionState.PLANNED, opened_at=None)
        guaranteed = Trait(state=SessionState.GUARANTEED, guaranteed_at=LazyAttribute(lambda _: clock.now()))
        undated = Trait(starts_at=None, ends_at=None)

    micro_credential = SubFactory(MicroCredentialFactory)
    external_id = Sequence(lambda n: f"S{n}")
    starts_at = datetime(2027, 6, 14, 7, 0, tzinfo=UTC)
    ends_at = datetime(2027, 6, 18, 15, 0, tzinfo=UTC)
    currency = "EUR"
    price_cents = 165_000
    state = SessionState.OPEN
    opened_at = LazyAttribute(lambda _: clock.now())

    @classmethod
    def _create(cls, model_class: type[Session], *args: Any, **kwargs: Any) -> Session:
        seats = kwargs.pop("seat_count", None)
        session: Session = super()._create(model_class, *args, **kwargs)
        SessionSeats.objects.create(session=session, seats=seats)
        return session
