"""Who and what a scenario is played with: real rows, made by the real services wherever there are some."""

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from schwifty import IBAN

from accounts.models import Citizen, Membership, Organisation, OrganisationKind, Role, User
from accounts.services import service_users
from catalogue.models import MicroCredential, Session
from catalogue.models import Provider as CatalogueProvider
from catalogue.services import accreditations, micro_credentials, providers, sessions
from funding.banking.identifiers import normalise_iban
from funding.models import Budget, LearningAccount, Scheme
from funding.replay import scenario as script
from funding.replay.plan import Plan, private
from funding.replay.values import instant
from funding.services import schemes

# More than all credits of the longest scenario, and within what a balance can hold.
PLENTY_CENTS = 4 * 10**18
BORN = date(1990, 1, 1)
INSURED_MONTHS = 24
ELSEWHERE = "ZZ"  # ISO 3166 keeps it for no country
SECOND = timedelta(seconds=1)
LEARNERS_FROM = 10**10  # invented bank accounts of learners are none of the providers'


@dataclass(frozen=True, slots=True)
class LearnerPart:
    """A learner: the account, who signs in, and how surely; the bank account that money comes back to."""

    account: LearningAccount
    user: User
    e_identity: str
    iban: str


@dataclass(frozen=True, slots=True)
class ProviderPart:
    """A provider and the person who acts for it."""

    provider: CatalogueProvider
    user: User


@dataclass(slots=True)
class Cast:
    """Everybody and everything, by the ids of the file. No person does two steps of one payment."""

    plan: Plan
    tag: str
    scheme: Scheme
    budget: Budget
    case_worker: User
    claims_officer: User
    payment_officer: User
    releasing_officer: User
    learners: dict[str, LearnerPart] = field(default_factory=dict)
    providers: dict[str, ProviderPart] = field(default_factory=dict)
    credentials: dict[str, MicroCredential] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)

    @property
    def authority(self) -> str:
        """Who accredits in this scheme."""
        return f"{self.plan.preset.name}: accreditation"


def assemble(plan: Plan) -> Cast:
    """Make the scheme and the cast at the scenario's first moment. Inside the transaction that is undone."""
    tag = f"replay-{secrets.token_hex(6)}"
    author, approver, *officers = _users(tag, "agent", 6)
    agency = Organisation.objects.create(kind=OrganisationKind.AGENCY, name="Agency of the scenario")
    Membership.objects.bulk_create(
        Membership(user=user, organisation=agency, role=role)
        for user, role in zip(officers, (Role.CASE_WORKER, *[Role.PAYMENT_OFFICER] * 3), strict=True)
    )
    scheme = schemes.put_into_force(preset=private(plan.preset), author=author, approver=approver)
    budget = schemes.appropriate(
        scheme=scheme,
        budget_name="Scenario",
        amount_cents=PLENTY_CENTS,
        actor=service_users.get("ledger"),
        idempotency_key="appropriate:scenario",
    )
    case_worker, claims_officer, payment_officer, releasing_officer = officers
    cast = Cast(
        plan=plan,
        tag=tag,
        scheme=scheme,
        budget=budget,
        case_worker=case_worker,
        claims_officer=claims_officer,
        payment_officer=payment_officer,
        releasing_officer=releasing_officer,
    )
    _add_learners(cast)
    _add_providers(cast)
    _add_credentials(cast)
    _add_sessions(cast)
    return cast


def accredit(
    cast: Cast,
    *,
    valid_from: date | None,
    valid_until: date | None,
    provider: CatalogueProvider | None = None,
    credential: MicroCredential | None = None,
) -> None:
    """Record an accreditation for these days, both included; without any day there is none."""
    if valid_from is None and valid_until is None:
        return
    accreditations.record_accreditation(
        actor=cast.case_worker,
        authority=cast.authority,
        provider=provider,
        micro_credential=credential,
        valid_from=valid_from,
        valid_until=valid_until,
    )


def readable_iban(text: str) -> str:
    """The account number in its compact form, or nothing where it is none: then nothing can be paid to it."""
    try:
        return normalise_iban(text)
    except ValueError:
        return ""


def _add_learners(cast: Cast) -> None:
    rows = cast.plan.scenario.learners
    users = _users(cast.tag, "learner", len(rows))
    country = cast.scheme.country
    citizens = Citizen.objects.bulk_create(
        [_citizen(row, user, country) for row, user in zip(rows, users, strict=True)]
    )
    accounts = LearningAccount.objects.bulk_create(
        LearningAccount(citizen=citizen, scheme=cast.scheme) for citizen in citizens
    )
    for number, (row, user, account) in enumerate(zip(rows, users, accounts, strict=True)):
        cast.learners[row.id] = LearnerPart(
            account, user, row.e_identity, _iban(None, LEARNERS_FROM + number)
        )


def _citizen(row: script.Learner, user: User, country: str) -> Citizen:
    return Citizen(
        user=user,
        given_name="Learner",
        family_name=row.id,
        birth_date=row.birth_date or BORN,
        status=row.status,
        qualification_level=row.qualification_level,
        disabled=row.disabled,
        hours_ratio=row.hours_ratio,
        annual_hours=row.annual_hours,
        driving_licences=list(row.driving_licences),
        residence=row.residence or country,
        citizenship=_citizenship(row.citizen, country),
        work_incapacity_percent=row.work_incapacity_percent,
        prevention_account=row.prevention_account,
        income_cents=row.income_cents,
        student_finance=row.student_finance,
        insured_months=INSURED_MONTHS if row.insured_months is None else row.insured_months,
    )


def _citizenship(value: str | bool | None, country: str) -> str:
    """A country, or whether it is the scheme's own."""
    if isinstance(value, str):
        return value
    return ELSEWHERE if value is False else country


def _add_providers(cast: Cast) -> None:
    rows = cast.plan.scenario.providers
    users = _users(cast.tag, "provider", len(rows))
    for number, (row, user) in enumerate(zip(rows, users, strict=True)):
        organisation = Organisation.objects.create(kind=OrganisationKind.PROVIDER, name=f"Provider {row.id}")
        Membership.objects.create(user=user, organisation=organisation, role=Role.MANAGER)
        provider = providers.create_provider(
            actor=cast.case_worker,
            register="ila",
            external_id=f"{cast.tag}-{row.id}",
            name=f"Provider {row.id}",
            organisation=organisation,
            iban=_iban(row.iban, number),
            country=cast.scheme.country,
            time_zone=cast.scheme.timezone,
        )
        accredit(cast, provider=provider, valid_from=row.accredited_from, valid_until=row.accredited_until)
        cast.providers[row.id] = ProviderPart(provider, user)


def _iban(text: str | None, number: int) -> str:
    """The file's account; one left out, or written with an ellipsis, is invented."""
    if text is None or "…" in text or "..." in text:
        return str(IBAN.generate("FR", bank_code="30006", branch_code="00001", account_code=f"{number:011d}"))
    return readable_iban(text)


def _add_credentials(cast: Cast) -> None:
    for row in cast.plan.scenario.credentials:
        credential = micro_credentials.create_micro_credential(
            actor=cast.case_worker,
            provider=cast.providers[row.provider].provider,
            external_id=row.id,
            title=row.title or row.id,
            kind=row.kind,
            currency=cast.scheme.currency,
            code=row.code,
            hours=row.hours,
            register_price_cents=row.register_price_cents,
            publicly_funded=row.publicly_funded,
            has_prerequisites=row.prerequisites,
            registered=True,
        )
        accredit(
            cast, credential=credential, valid_from=row.accredited_from, valid_until=row.accredited_until
        )
        cast.credentials[row.id] = credential


def _add_sessions(cast: Cast) -> None:
    for row in cast.plan.scenario.sessions:
        cast.sessions[row.id] = sessions.create_session(
            actor=cast.case_worker,
            micro_credential=cast.credentials[row.credential],
            external_id=row.id,
            price_cents=row.price_cents,
            currency=cast.scheme.currency,
            starts_at=None if row.starts is None else instant(row.starts, cast.plan.zone),
            ends_at=_end(row.ends, cast),
            seats=row.seats,
        )


def _end(value: date | datetime | None, cast: Cast) -> datetime | None:
    """The last moment of a session; of a day, its last second."""
    if value is None:
        return None
    last = instant(value, cast.plan.zone, end_of_day=True)
    return last if isinstance(value, datetime) else last - SECOND


def _users(tag: str, kind: str, number: int) -> list[User]:
    people: list[Any] = [
        User(email=f"{tag}-{kind}-{n}@replay.invalid", display_name=f"{kind} {n + 1}", password="!")  # noqa: S106 - nobody signs in with it
        for n in range(number)
    ]
    return list(User.objects.bulk_create(people))
