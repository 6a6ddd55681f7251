"""People, organisations, sign-ins and consents."""

from datetime import date
from typing import Any

from factory.declarations import LazyAttribute, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory

from accounts.models import Citizen, Consent, Membership, Organisation, OrganisationKind, Role, SignIn, User
from accounts.models.consents import Assurance
from ila.core import fsm


class UserFactory(DjangoModelFactory[User]):
    """A person's sign-in."""

    class Meta:
        model = User

    email = Sequence(lambda n: f"person{n}@example.org")
    display_name = Sequence(lambda n: f"Person {n}")
    password = "!"


class CitizenFactory(DjangoModelFactory[Citizen]):
    """A citizen who signs in."""

    class Meta:
        model = Citizen

    class Params:
        job_seeker = Trait(status="job_seeker")
        low_qualified = Trait(qualification_level=2)
        without_user = Trait(user=None)

    user = SubFactory(UserFactory)
    given_name = "Camille"
    family_name = Sequence(lambda n: f"Martin{n}")
    birth_date = date(1990, 2, 3)


class OrganisationFactory(DjangoModelFactory[Organisation]):
    """A funding agency, unless it is told to be something else."""

    class Meta:
        model = Organisation

    class Params:
        provider = Trait(kind=OrganisationKind.PROVIDER)
        employer = Trait(kind=OrganisationKind.EMPLOYER)

    kind = OrganisationKind.AGENCY
    name = Sequence(lambda n: f"Organisation {n}")


class MembershipFactory(DjangoModelFactory[Membership]):
    """A payment officer of an agency, unless told otherwise."""

    class Meta:
        model = Membership

    class Params:
        of_provider = Trait(organisation=SubFactory(OrganisationFactory, provider=True), role=Role.MANAGER)
        case_worker = Trait(role=Role.CASE_WORKER)
        auditor = Trait(role=Role.AUDITOR)

    user = SubFactory(UserFactory)
    organisation = SubFactory(OrganisationFactory)
    role = Role.PAYMENT_OFFICER


class SignInFactory(DjangoModelFactory[SignIn]):
    """A sign-in with a strong e-identity."""

    class Meta:
        model = SignIn

    class Params:
        weak = Trait(assurance=Assurance.WEAK, method="password")

    user = SubFactory(UserFactory)
    method = "e-identity"
    assurance = Assurance.STRONG


class ConsentFactory(DjangoModelFactory[Consent]):
    """A consent that was asked, with its first log row."""

    class Meta:
        model = Consent

    citizen = SubFactory(CitizenFactory)
    text = "I take part in this training and have it paid from my account."
    text_hash = LazyAttribute(lambda consent: Consent.hash_of(consent.text))

    @classmethod
    def _create(cls, model_class: type[Consent], *args: Any, **kwargs: Any) -> Consent:
        consent: Consent = model_class(*args, **kwargs)
        fsm.start(consent, actor=_user_of(consent), transition="ask")
        return consent


def officer(role: str = Role.PAYMENT_OFFICER) -> User:
    """A user who holds that role in a funding agency."""
    return MembershipFactory.create(role=role).user


def _user_of(consent: Consent) -> User:
    user = consent.citizen.user
    assert user is not None
    return user
