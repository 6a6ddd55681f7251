"""E-identities and whose they are: a first sign-in, a step-up, and the learning account a proved person gets.

Whoever settles which citizen a person is does so alone for their birth year: two sign-ins at once, of one person
or of two who share a name, never both take an account, nor both make one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from allauth.account.models import EmailAddress
from django.db import IntegrityError, connection, transaction

from accounts.identity import facts, indexes, matching
from accounts.identity.configuration import providers
from accounts.identity.facts import Person, Proved
from accounts.models import Citizen, Identity, IdentityClaim, IdentityProof, Membership, User
from accounts.models.consents import Assurance
from accounts.models.identities import STRONG_LEVELS, Level
from accounts.services import identity_claims, messages, sign_ins
from accounts.services.identity_accounts import keep_marks, make_citizen, marks_of
from ila.core import locks
from ila.core.errors import DomainError

_SPACE = 0x696C6131  # of the advisory locks that belong to this module


@dataclass(frozen=True)
class Settled:
    """What a proved person has now: a learning account, or a claim that a clerk decides."""

    citizen: Citizen | None = None
    claim: IdentityClaim | None = None


def assurance_of(level: Level) -> Assurance:
    """What a level counts for when something is consented to (F-32)."""
    return Assurance.STRONG if level in STRONG_LEVELS else Assurance.WEAK


def find_identity(proved: Proved) -> Identity | None:
    """The e-identity that a provider means by its name for the person, whoever it belongs to."""
    found = indexes.candidates_of(f"sub:{proved.issuer}", proved.subject)
    return (
        Identity.objects.select_related("user").filter(issuer=proved.issuer, subject_index__in=found).first()
    )


@transaction.atomic
def step_up(*, user: User, proved: Proved) -> Identity:
    """Take the e-identity for the one of the person who is signed in; the first one is linked to them.

    Raises: DomainError `identity_of_another` when it is somebody else's, or may be; `weak_identity`; `incomplete`
    when the provider does not say who it is; `not_allowed` for people who act for organisations only.
    """
    identity = find_identity(proved)
    if identity is not None:
        if identity.user_id != user.pk:
            raise DomainError("identity_of_another", status=403)
        return identity
    person = _sure_person(proved)
    _lock_year(person)
    citizen = Citizen.objects.filter(user=user).first()
    # One provider knows a person by one name: another name there is another person.
    if Identity.objects.filter(user=user, issuer=proved.issuer).exists():
        raise DomainError("identity_of_another", status=403)
    if citizen is None:
        if Membership.objects.filter(user=user, ended_at__isnull=True).exists():
            raise DomainError("not_allowed", status=403, what="claim")
        identity = _link(user=user, proved=proved)
        _settle(user=user, identity=identity, person=person, proved=proved)
        return identity
    if not matching.is_surely(person, citizen):
        raise DomainError("identity_of_another", status=403)
    identity = _link(user=user, proved=proved)
    keep_marks(citizen, marks_of(person))
    messages.queue(recipient=user, template="identity_linked", provider=_name_of(proved))
    return identity


@transaction.atomic
def enrol(*, proved: Proved, email: str, language: str) -> tuple[Identity, Settled]:
    """Give a proved person whom nobody knows a sign-in with that address, which is known to be theirs.

    Then a learning account: the pre-registered one that is theirs beyond doubt, a new one when nobody like them is
    registered, and otherwise a claim that a clerk decides.
    Raises: DomainError `address_taken`; `weak_identity`, `incomplete` as for a step-up.
    """
    person = _sure_person(proved)
    _lock_year(person)
    known = find_identity(proved)
    if known is not None:  # the same person in two windows at once
        return known, Settled(citizen=Citizen.objects.filter(user=known.user_id).first())
    if is_taken(email):
        raise DomainError("address_taken")
    name = f"{person.given_name} {person.family_name}"[:150]
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, None, display_name=name, language=language)
            EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    except IntegrityError as error:
        raise DomainError("address_taken") from error
    identity = _link(user=user, proved=proved)
    # Whoever reads the mails of that address proved it just now: it may be the second fact.
    person = Person(
        person.given_name,
        person.family_name,
        person.birth_date,
        person.facts | {"email": facts.comparable("email", email)},
    )
    return identity, _settle(user=user, identity=identity, person=person, proved=proved)


def record_proof(
    *, user: User, identity: Identity, proof: Proved, address: str, device: str
) -> IdentityProof:
    """Write down a sign-in that was proved by an e-identity, with the assurance that it gave."""
    with transaction.atomic():
        sign_in = sign_ins.record_sign_in(
            user=user,
            method=f"e-identity:{identity.provider}",
            assurance=assurance_of(proof.level),
            address=address,
            device=device,
        )
        return IdentityProof.objects.create(
            sign_in=sign_in,
            identity=identity,
            acr=proof.acr[:200],
            level=proof.level,
            authenticated_at=datetime.fromtimestamp(proof.at, UTC),
        )


def is_taken(email: str) -> bool:
    """Whether somebody signs in with this address."""
    return (
        User.objects.filter(email__iexact=email).exists()
        or EmailAddress.objects.filter(email__iexact=email).exists()
    )


def _settle(*, user: User, identity: Identity, person: Person, proved: Proved) -> Settled:
    config = providers()[proved.provider]
    finding = matching.find(person, second_facts=config.second_facts)
    if finding.citizen is not None:
        (citizen,) = locks.acquire(locks.lock(Citizen, finding.citizen.pk))
        if citizen.user_id is None:
            _give(citizen, user)
            keep_marks(citizen, marks_of(person))
            messages.queue(recipient=user, template="identity_account_ready", claimed=True)
            return Settled(citizen=citizen)
        raise DomainError("identity_of_another", status=403)
    if finding.reason is not None:
        claim = identity_claims.open_claim(
            user=user,
            identity=identity,
            person=person,
            reason=finding.reason,
            candidates=finding.candidates,
            marks=marks_of(person),
        )
        return Settled(claim=claim)
    citizen = make_citizen(user=user, person=person, country=config.country)
    keep_marks(citizen, marks_of(person))
    messages.queue(recipient=user, template="identity_account_ready", claimed=False)
    return Settled(citizen=citizen)


def _give(citizen: Citizen, user: User) -> None:
    citizen.user = user
    citizen.save(update_fields=["user"])


def _link(*, user: User, proved: Proved) -> Identity:
    return Identity.objects.create(
        user=user,
        provider=proved.provider,
        issuer=proved.issuer,
        subject_index=indexes.index_of(f"sub:{proved.issuer}", proved.subject),
    )


def _sure_person(proved: Proved) -> Person:
    """Whom an e-identity proves surely enough for an account to be given to them."""
    if proved.level not in STRONG_LEVELS:
        raise DomainError("weak_identity", status=403, rule="F-32")
    if proved.person is None:
        raise DomainError("incomplete", status=422, what="person")
    return proved.person


def _lock_year(person: Person) -> None:
    """Nobody else settles who somebody born in that year is until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_SPACE, person.birth_date.year])


def _name_of(proved: Proved) -> str:
    return providers()[proved.provider].name
