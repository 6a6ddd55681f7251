"""Claims that a clerk decides: who a proved person is among those who are registered.

An account that somebody signs in to already is given to an e-identity by two case workers only. Whoever waits is
told that somebody looks, and nothing of the accounts that are looked at.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.identity.configuration import providers
from accounts.identity.facts import BirthDate, Person
from accounts.identity.matching import Candidate
from accounts.models import Citizen, ClaimCandidate, ClaimReason, Identity, IdentityClaim, User
from accounts.permissions import may_decide_identities
from accounts.services import messages
from accounts.services.identity_accounts import keep_marks, make_citizen
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

MAX_WORDS = 500
MAX_ANSWER = 2_000


def open_claim(
    *,
    user: User,
    identity: Identity,
    person: Person,
    reason: ClaimReason,
    candidates: Sequence[Candidate],
    marks: dict[str, str],
) -> IdentityClaim:
    """Put a proved person before a clerk, with everybody they may be. Logs: `open`."""
    claim = IdentityClaim(
        user=user,
        identity=identity,
        reason=reason,
        given_name=person.given_name,
        family_name=person.family_name,
        birth_date=str(person.birth_date),
        marks=marks,
    )
    fsm.start(claim, actor=user, transition="open")
    ClaimCandidate.objects.bulk_create(
        ClaimCandidate(claim=claim, citizen=one.citizen, likeness=one.likeness, agreement=one.agreement)
        for one in candidates
    )
    messages.queue(recipient=user, template="identity_claim_opened")
    return claim


@transaction.atomic
def ask_person(*, actor: User, claim_id: uuid.UUID, question: str) -> IdentityClaim:
    """Ask the person something; they answer on their page. Locks: the claim. Logs: `ask`.

    Raises: DomainError `not_allowed`, `incomplete`, `not_found`.
    """
    claim = _locked(actor, claim_id)
    words = _words(question, "question")
    fsm.apply(claim, "ask", actor=actor, reason=words, question=words)
    messages.queue(recipient=claim.user, template="identity_claim_question", question=words)
    return claim


@transaction.atomic
def answer_question(*, user: User, answer: str) -> IdentityClaim:
    """The person answers what was asked. Locks: the claim. Logs: `give_answer`.

    Raises: DomainError `not_found` (404) without a question of theirs; `incomplete`.
    """
    asked = IdentityClaim.objects.filter(user=user, state="questioned").first()
    if asked is None:
        raise DomainError("not_found", status=404, kind="claim")
    text = answer.strip()
    if not text or len(text) > MAX_ANSWER:
        raise DomainError("incomplete", status=422, what="answer", at_most=MAX_ANSWER)
    (locked,) = locks.acquire(locks.lock(IdentityClaim, asked.pk))
    claim: IdentityClaim = locked
    fsm.apply(claim, "give_answer", actor=user, answer=text)
    return claim


@transaction.atomic
def match_claim(*, actor: User, claim_id: uuid.UUID, citizen_id: uuid.UUID, reason: str) -> IdentityClaim:
    """The person is this candidate: the account is theirs; one with a sign-in waits for a second case worker.

    Locks: the claim, the citizen. Logs: `match`, or `propose`.
    Raises: DomainError `not_allowed`, `incomplete`, `not_found`; `identity_of_another` when the account's own
    e-identity is of the same provider, which knows its people apart.
    """
    claim = _locked(actor, claim_id)
    words = _words(reason, "reason")
    chosen = claim.candidates.filter(citizen__public_id=citizen_id).first()
    if chosen is None:
        raise DomainError("not_found", status=404, kind="citizen")
    citizen = _lock_citizen(chosen.citizen_id)
    if citizen.user_id is None:
        fsm.apply(claim, "match", actor=actor, reason=words, citizen=citizen, decider=actor)
        _give(claim, citizen)
        messages.queue(recipient=claim.user, template="identity_account_ready", claimed=True)
        return claim
    _check_other_identity(claim, citizen)
    fsm.apply(claim, "propose", actor=actor, reason=words, citizen=citizen, proposer=actor)
    return claim


@transaction.atomic
def confirm_match(*, actor: User, claim_id: uuid.UUID, reason: str) -> IdentityClaim:
    """A second case worker agrees: the e-identity signs in to the account that was there, and its owner is told.

    The sign-in made for the e-identity ends. Locks: the claim, the citizen. Logs: `confirm`.
    Raises: DomainError `not_allowed` for the one who proposed it; `incomplete`, `identity_of_another`, `not_found`.
    """
    claim = _locked(actor, claim_id)
    words = _words(reason, "reason")
    if claim.state == "proposed" and claim.proposed_by_id == actor.pk:
        raise DomainError("not_allowed", status=403, what="four_eyes")
    if claim.state != "proposed" or claim.citizen_id is None:
        raise DomainError("not_allowed", transition="confirm", state=claim.state)
    citizen = _lock_citizen(claim.citizen_id)
    owner = citizen.user
    if owner is None:
        # It lost its sign-in meanwhile: there is nothing left to agree to.
        raise DomainError("not_allowed", transition="confirm", state="unclaimed")
    _check_other_identity(claim, citizen)
    fsm.apply(claim, "confirm", actor=actor, reason=words, decider=actor)
    former = claim.user
    Identity.objects.filter(pk=claim.identity_id).update(user=owner)
    keep_marks(citizen, claim.marks)
    provider = providers().get(claim.identity.provider)
    name = provider.name if provider else claim.identity.provider
    messages.queue(recipient=owner, template="identity_linked", provider=name)
    messages.queue(recipient=owner, address=former.email, template="identity_account_ready", claimed=True)
    _end(former)
    return claim


@transaction.atomic
def send_back(*, actor: User, claim_id: uuid.UUID, reason: str) -> IdentityClaim:
    """A second case worker does not agree: the claim is open again. Locks: the claim. Logs: `send_back`."""
    claim = _locked(actor, claim_id)
    fsm.apply(claim, "send_back", actor=actor, reason=_words(reason, "reason"))
    return claim


@transaction.atomic
def create_account(
    *, actor: User, claim_id: uuid.UUID, reason: str, birth_date: date | None = None
) -> IdentityClaim:
    """The person is nobody who is registered: a new learning account is made.

    birth_date: the one that was established, where the provider knew a part of it only.
    Locks: the claim. Logs: `create`. Raises: DomainError `not_allowed`, `incomplete`, `invalid`, `not_found`.
    """
    claim = _locked(actor, claim_id)
    words = _words(reason, "reason")
    told = BirthDate.parse(claim.birth_date)
    assert told is not None
    day = told.whole or birth_date
    if day is None:
        raise DomainError("incomplete", status=422, what="birth_date")
    if not told.may_be(day) or day > clock.now().date():
        raise DomainError("invalid", status=422, fact="birth_date")
    person = Person(claim.given_name, claim.family_name, BirthDate(day.year, day.month, day.day))
    if claim.state != "opened":
        raise DomainError("not_allowed", transition="create", state=claim.state)
    provider = providers().get(claim.identity.provider)
    citizen = make_citizen(user=claim.user, person=person, country=provider.country if provider else "FR")
    keep_marks(citizen, claim.marks)
    fsm.apply(claim, "create", actor=actor, reason=words, citizen=citizen, decider=actor)
    messages.queue(recipient=claim.user, template="identity_account_ready", claimed=False)
    return claim


@transaction.atomic
def refuse_claim(*, actor: User, claim_id: uuid.UUID, reason: str) -> IdentityClaim:
    """No account is given; the person reads the reason. Locks: the claim. Logs: `refuse`."""
    claim = _locked(actor, claim_id)
    words = _words(reason, "reason")
    fsm.apply(claim, "refuse", actor=actor, reason=words, decider=actor)
    messages.queue(recipient=claim.user, template="identity_claim_refused", reason=words)
    return claim


def _locked(actor: Any, claim_id: uuid.UUID) -> IdentityClaim:
    if not may_decide_identities(actor):
        raise DomainError("not_allowed", status=403, what="identity_claims")
    found = IdentityClaim.objects.filter(public_id=claim_id).values_list("pk", "user_id").first()
    if found is None:
        raise DomainError("not_found", status=404, kind="claim")
    if found[1] == actor.pk:
        raise DomainError("not_allowed", status=403, what="own_claim")
    (claim,) = locks.acquire(locks.lock(IdentityClaim, found[0]))
    locked: IdentityClaim = claim
    return locked


def _lock_citizen(pk: int) -> Citizen:
    (citizen,) = locks.acquire(locks.lock(Citizen, pk))
    locked: Citizen = citizen
    return locked


def _give(claim: IdentityClaim, citizen: Citizen) -> None:
    citizen.user = claim.user
    citizen.save(update_fields=["user"])
    keep_marks(citizen, claim.marks)


def _check_other_identity(claim: IdentityClaim, citizen: Citizen) -> None:
    """One provider gives a person one name: an account with another name of it is another person's."""
    if Identity.objects.filter(user=citizen.user_id, issuer=claim.identity.issuer).exists():
        raise DomainError("identity_of_another")


def _end(user: User) -> None:
    """The sign-in that was made for the e-identity is of no more use; its address may be used again."""
    EmailAddress.objects.filter(user=user).delete()
    user.is_active = False
    user.email = f"ended-{uuid.uuid4()}@ended.invalid"
    user.save(update_fields=["is_active", "email"])


def _words(text: str, what: str) -> str:
    words = text.strip()
    if not words or len(words) > MAX_WORDS:
        raise DomainError("incomplete", status=422, what=what, at_most=MAX_WORDS)
    return words
