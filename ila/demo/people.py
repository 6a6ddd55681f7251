"""The people of the demonstration: those who work for the agency, and a population of learners."""

import random
import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction

from accounts import factors
from accounts.models import (
    Citizen,
    CitizenStatus,
    Membership,
    Organisation,
    OrganisationKind,
    Role,
    SignIn,
    User,
)
from accounts.models.consents import Assurance
from catalogue.models import Provider
from funding.models import LearningAccount, Scheme

POPULATION = 3000
CHUNK = 1000
SEED = 20260504

GIVEN_NAMES = [
    "Camille",
    "Léa",
    "Manon",
    "Chloé",
    "Inès",
    "Sarah",
    "Julie",
    "Marie",
    "Louise",
    "Nadia",
    "Fatou",
    "Amina",
    "Sofia",
    "Elena",
    "Anaïs",
    "Aïcha",
    "Claire",
    "Hugo",
    "Lucas",
    "Louis",
    "Gabriel",
    "Jules",
    "Adam",
    "Raphaël",
    "Karim",
    "Mehdi",
    "Mamadou",
    "Pierre",
    "Paul",
    "Antoine",
    "Nicolas",
    "Thomas",
    "Yann",
    "Olivier",
    "Stéphane",
    "Loïc",
    "Rachid",
    "Tomás",
    "Mateusz",
]
FAMILY_NAMES = [
    "Martin",
    "Bernard",
    "Thomas",
    "Petit",
    "Robert",
    "Richard",
    "Durand",
    "Dubois",
    "Moreau",
    "Laurent",
    "Simon",
    "Michel",
    "Lefebvre",
    "Leroy",
    "Roux",
    "David",
    "Bertrand",
    "Morel",
    "Fournier",
    "Girard",
    "Bonnet",
    "Dupont",
    "Lambert",
    "Fontaine",
    "Rousseau",
    "Benali",
    "Diallo",
    "Traoré",
    "Haddad",
    "Nguyen",
    "Ferreira",
    "Kowalski",
    "Le_Gall",
    "Da_Silva",
]
STATUSES = ((CitizenStatus.EMPLOYED, 71), (CitizenStatus.JOB_SEEKER, 12), (CitizenStatus.SELF_EMPLOYED, 9))
REST = (CitizenStatus.STUDENT, CitizenStatus.RETIRED, CitizenStatus.INACTIVE)


@dataclass(frozen=True)
class Staff:
    """Who works for the agency: every decision about money takes another person."""

    author: User
    approver: User
    case_worker: User
    claims_officer: User
    payment_officer: User
    second_payment_officer: User
    auditor: User
    investigator: User
    second_investigator: User


def password() -> str:
    """The demonstration's one password, made once for this installation."""
    kept = Path(settings.DATA_DIR) / "demo_password"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(f"demo-{secrets.token_hex(4)}")
        kept.chmod(0o600)
    return kept.read_text()


@transaction.atomic
def load_staff() -> Staff:
    """The agency and its people, created when they are missing."""
    agency, _ = Organisation.objects.get_or_create(
        kind=OrganisationKind.AGENCY, name="Training Fund of the Demonstration"
    )
    roles = {
        "author": Role.MANAGER,
        "approver": Role.MANAGER,
        "case_worker": Role.CASE_WORKER,
        "claims_officer": Role.PAYMENT_OFFICER,
        "payment_officer": Role.PAYMENT_OFFICER,
        "second_payment_officer": Role.PAYMENT_OFFICER,
        "auditor": Role.AUDITOR,
        "investigator": Role.INVESTIGATOR,
        "second_investigator": Role.INVESTIGATOR,
    }
    return Staff(**{name: _member(agency, role, name) for name, role in roles.items()})


@transaction.atomic
def load_provider_member(provider: Provider, name: str) -> User:
    """Somebody who acts for a provider."""
    if provider.organisation is None:
        provider.organisation = Organisation.objects.create(
            kind=OrganisationKind.PROVIDER, name=provider.name or provider.external_id
        )
        provider.save(update_fields=["organisation"])
    return _member(provider.organisation, Role.MANAGER, name)


@transaction.atomic
def load_person(mailbox: str) -> User:
    """Somebody who can sign in, and belongs to nothing yet."""
    return _user(mailbox, mailbox.replace(".", " ").capitalize())


@transaction.atomic
def load_applicant(name: str) -> tuple[Organisation, User]:
    """An organisation that is no provider yet, and who signs in for it."""
    organisation, _ = Organisation.objects.get_or_create(kind=OrganisationKind.PROVIDER, name=name)
    return organisation, _member(organisation, Role.MANAGER, "applicant")


@transaction.atomic
def load_learner(name: str, scheme: Scheme, **facts: object) -> LearningAccount:
    """A learner who can sign in, with a learning account."""
    given, family = name.split(" ", 1)
    user = _user(name.lower().replace(" ", "."), name)
    values = {"given_name": given, "family_name": family, "birth_date": date(1990, 2, 3)} | facts
    citizen, _ = Citizen.objects.get_or_create(user=user, defaults=values)
    account, _ = LearningAccount.objects.get_or_create(citizen=citizen, scheme=scheme)
    return account


def strong_sign_in(account: LearningAccount) -> SignIn:
    """A sign-in of the learner's with the national e-identity."""
    user = account.citizen.user
    if user is None:
        raise ValueError("only a learner with a user signs in")
    return SignIn.objects.create(user=user, method="e_identity", assurance=Assurance.STRONG)


def load_population(scheme: Scheme, *, size: int = POPULATION) -> int:
    """Citizens with accounts and no sign-in yet, up to `size` of them. Returns how many there are."""
    there = Citizen.objects.filter(user__isnull=True).count()
    # A fixed seed, taken up where an interrupted run stopped.
    chance = random.Random(SEED + there)  # noqa: S311 - a population, not a secret
    while there < size:
        with transaction.atomic():
            citizens = Citizen.objects.bulk_create(
                [_citizen(chance) for _ in range(min(CHUNK, size - there))]
            )
            LearningAccount.objects.bulk_create(
                [LearningAccount(citizen=citizen, scheme=scheme) for citizen in citizens]
            )
        there += len(citizens)
    return there


def _citizen(chance: random.Random) -> Citizen:
    dice = chance.randrange(100)
    status = chance.choice(REST)
    for candidate, share in STATUSES:
        if dice < share:
            status = candidate
            break
        dice -= share
    full_time = chance.random() < 0.78
    return Citizen(
        given_name=chance.choice(GIVEN_NAMES),
        family_name=chance.choice(FAMILY_NAMES).replace("_", " "),
        birth_date=date(1961, 1, 1) + timedelta(days=chance.randrange(365 * 45)),
        status=status,
        qualification_level=chance.choices((1, 2, 3, 4, 5, 6, 7), (2, 8, 26, 24, 16, 14, 10))[0],
        disabled=chance.random() < 0.06,
        hours_ratio=Decimal(1) if full_time else Decimal(chance.randrange(10, 96)) / 100,
        driving_licences=["B"] if chance.random() < 0.83 else [],
    )


def _member(organisation: Organisation, role: Role, name: str) -> User:
    user = _user(name.replace("_", "."), name.replace("_", " ").capitalize())
    Membership.objects.get_or_create(user=user, organisation=organisation, role=role, ended_at=None)
    if organisation.kind == OrganisationKind.AGENCY:
        factors.set_up_app(user)
    return user


def _user(mailbox: str, name: str) -> User:
    email = f"{mailbox}@demo.example"
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, password(), display_name=name)
    EmailAddress.objects.get_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
    return user
