"""A small world to book in: an agency with its people, an accredited provider, a session, a learner with rights."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from accounts.models import Citizen, Membership, Organisation, SignIn, User
from accounts.services import service_users
from catalogue.models import (
    Accreditation,
    AccreditationState,
    CredentialState,
    MicroCredential,
    Provider,
    Session,
    SessionSeats,
    SessionState,
)
from funding.models import Booking, LearningAccount, Lot, Scheme
from funding.services import bookings, schemes
from ila.core import clock, fsm
from tests.factories.accounts import CitizenFactory, MembershipFactory, OrganisationFactory, SignInFactory
from tests.factories.funding import LearningAccountFactory, SchemeFactory

# A Monday in May 2026 without holidays near, and a session seven weeks later.
MONDAY = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
STARTS = datetime(2026, 6, 22, 7, 0, tzinfo=UTC)
ENDS = datetime(2026, 6, 26, 15, 0, tzinfo=UTC)
IBAN = "FR7630006000011234567890189"

_numbers = count(1)


@dataclass
class Learner:
    """A citizen with a learning account, who signs in with a strong e-identity."""

    citizen: Citizen
    account: LearningAccount
    last_sign_in: SignIn | None = None

    @property
    def sign_in(self) -> SignIn:
        """A strong sign-in that is fresh enough to consent under now (F-32)."""
        last = self.last_sign_in
        fresh = last is not None and timedelta(0) <= clock.now() - last.at < timedelta(minutes=5)
        # One that was made in a transaction that was rolled back is there no more.
        if not fresh or last is None or not SignIn.objects.filter(pk=last.pk).exists():
            self.last_sign_in = last = SignInFactory.create(user=self.citizen.user)
        return last

    @property
    def user(self) -> User:
        assert self.citizen.user is not None
        return self.citizen.user

    def lot(self, source: str = "rights") -> Lot:
        """The account's lot of that source, fresh."""
        return Lot.objects.get(account=self.account, source=source)


@dataclass
class World:
    """Call inside a database fixture and a virtual clock (`clock.at(MONDAY)`)."""

    scheme: Scheme = field(default_factory=SchemeFactory.create)
    agency: Organisation = field(default_factory=OrganisationFactory.create)

    def __post_init__(self) -> None:
        self.budget = schemes.appropriate(
            scheme=self.scheme,
            budget_name="Budget 2026",
            amount_cents=10**12,
            actor=service_users.get("ledger"),
            idempotency_key="appropriate:world",
        )
        self.case_worker = self._agent("case_worker")
        self.payer = self._agent("payment_officer")
        self.second_payer = self._agent("payment_officer")
        self.third_payer = self._agent("payment_officer")
        self.provider = self.make_provider()
        self.provider_user = self.user_of(self.provider)
        self.credential = self.make_credential()
        self.session = self.make_session()

    def make_provider(self, *, accredited: bool = True, iban: str = IBAN) -> Provider:
        """A provider with an organisation and a member, accredited unless told otherwise."""
        number = next(_numbers)
        organisation = OrganisationFactory.create(provider=True)
        MembershipFactory.create(organisation=organisation, role="manager")
        provider = Provider.objects.create(
            register="siret",
            external_id=f"{number:014d}",
            name=f"Provider {number}",
            organisation=organisation,
            iban=iban,
            country="FR",
            time_zone="Europe/Paris",
        )
        if accredited:
            self.accredit(provider)
        return provider

    def accredit(self, provider: Provider) -> Accreditation:
        """Accredited since 2025, without end."""
        accreditation = Accreditation(
            provider=provider,
            authority="Qualiopi",
            state=AccreditationState.ACCREDITED,
            accredited_at=clock.now(),
            valid_from=date(2025, 1, 1),
        )
        fsm.start(accreditation, actor=self.case_worker)
        return accreditation

    def user_of(self, provider: Provider) -> User:
        """The provider's manager."""
        return Membership.objects.select_related("user").get(organisation=provider.organisation).user

    def make_credential(self, provider: Provider | None = None, **facts: Any) -> MicroCredential:
        """A registered RS certification of 50 hours."""
        number = next(_numbers)
        provider = provider or self.provider
        values: dict[str, Any] = {
            "title": f"Certification {number}",
            "kind": "rs",
            "code": "RS1",
            "hours": 50,
            "currency": "EUR",
            "state": CredentialState.REGISTERED,
            "registered_at": clock.now(),
        } | facts
        credential = MicroCredential(
            provider=provider, external_id=f"c{number}", entry=f"{provider.external_id}/c{number}", **values
        )
        fsm.start(credential, actor=self.case_worker)
        return credential

    def make_session(
        self, credential: MicroCredential | None = None, *, seats: int | None = None, **facts: Any
    ) -> Session:
        """An open session at 1,650.00 in June 2026."""
        values: dict[str, Any] = {
            "starts_at": STARTS,
            "ends_at": ENDS,
            "currency": "EUR",
            "price_cents": 165_000,
            "state": SessionState.OPEN,
            "opened_at": clock.now(),
        } | facts
        session = Session(
            micro_credential=credential or self.credential, external_id=f"s{next(_numbers)}", **values
        )
        fsm.start(session, actor=self.case_worker)
        SessionSeats.objects.create(session=session, seats=seats)
        return session

    def make_learner(self, *, rights_cents: int = 500_000, **facts: Any) -> Learner:
        """A learner with rights on the account."""
        citizen = CitizenFactory.create(**facts)
        account = LearningAccountFactory.create(citizen=citizen, scheme=self.scheme)
        if rights_cents:
            self.credit(account, rights_cents)
        return Learner(citizen, account)

    def credit(self, account: LearningAccount, amount_cents: int, source: str = "rights") -> Lot:
        """Credit the account."""
        return schemes.credit(
            account=account,
            source=source,
            amount_cents=amount_cents,
            actor=service_users.get("ledger"),
            idempotency_key=f"credit:{next(_numbers)}",
        )

    def proposed(
        self, learner: Learner, session: Session | None = None, price_cents: int | None = None
    ) -> Booking:
        """A booking that the provider has proposed."""
        booking = bookings.request_booking(
            actor=learner.user, account_id=learner.account.pk, session_id=(session or self.session).pk
        )
        user = self.user_of(booking.provider)
        return bookings.propose(actor=user, booking_id=booking.pk, price_cents=price_cents)

    def accepted(self, learner: Learner, session: Session | None = None) -> Booking:
        """A booking that the learner has accepted, with their own part of the price paid here."""
        booking = self.proposed(learner, session)
        return bookings.accept(
            actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in, own_part="here"
        )

    def _agent(self, role: str) -> User:
        return MembershipFactory.create(organisation=self.agency, role=role).user
