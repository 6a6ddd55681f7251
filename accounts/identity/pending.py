"""What a browser session remembers between the provider's answer and the end of the sign-in, on the server."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.identity.facts import Person, Proved
from accounts.models.identities import Level
from ila.core import clock

PROOF, ENROLMENT, ID_TOKEN, ENDED = "identity_proof", "identity_enrolment", "identity_token", "identity_ended"
# A proof that leads to a sign-in does so at once, or after a second factor.
PROOF_SECONDS = 600
ENROLMENT_SECONDS = 1_800
CODE_SECONDS = 900
MAX_TRIES = 5
MAX_MAILS = 3


@dataclass(frozen=True)
class Proof:
    """A proved e-identity on its way to a recorded sign-in."""

    identity: int
    user: int
    acr: str
    level: str
    at: float
    kept: float


def keep_proof(request: HttpRequest, *, identity: int, user: int, proved: Proved) -> None:
    """Remember what the sign-in that follows was proved by."""
    proof = Proof(identity, user, proved.acr, proved.level.value, proved.at, clock.now().timestamp())
    request.session[PROOF] = asdict(proof)


def take_proof(request: HttpRequest, user: int) -> Proof | None:
    """The proof that this user's sign-in goes with, once; none of another's, and none that is old."""
    kept = request.session.pop(PROOF, None)
    if kept is None:
        return None
    proof = Proof(**kept)
    fresh = clock.now().timestamp() - proof.kept < PROOF_SECONDS
    return proof if proof.user == user and fresh else None


@dataclass
class Enrolment:
    """Somebody proved whom nobody knows yet, until their e-mail address is known to be theirs."""

    proved: dict[str, Any]
    person: dict[str, Any]
    id_token: str
    target: str
    at: float
    email: str = ""
    code_hash: str = ""
    code_at: float = 0
    tries: int = 0
    mails: int = 0

    @property
    def said(self) -> Proved:
        """What the provider said."""
        return Proved(
            **{**self.proved, "level": Level(self.proved["level"]), "person": Person.from_json(self.person)}
        )


def keep_enrolment(request: HttpRequest, *, proved: Proved, id_token: str, target: str) -> Enrolment:
    """Remember a person who is to get a sign-in."""
    assert proved.person is not None
    told = asdict(proved) | {"level": proved.level.value, "person": None}
    kept = Enrolment(told, proved.person.as_json(), id_token, target, clock.now().timestamp())
    save(request, kept)
    return kept


def save(request: HttpRequest, enrolment: Enrolment) -> None:
    """Keep what changed."""
    request.session[ENROLMENT] = asdict(enrolment)


def enrolment_of(request: HttpRequest) -> Enrolment | None:
    """The person who waits for a sign-in in this browser session, for half an hour."""
    kept = request.session.get(ENROLMENT)
    if kept is None:
        return None
    enrolment = Enrolment(**kept)
    if clock.now().timestamp() - enrolment.at > ENROLMENT_SECONDS:
        forget_enrolment(request)
        return None
    return enrolment


def forget_enrolment(request: HttpRequest) -> None:
    """Nothing of it is kept."""
    request.session.pop(ENROLMENT, None)


def new_code(enrolment: Enrolment, email: str) -> str:
    """A code for that address; an earlier one is worth nothing any more."""
    code = f"{secrets.randbelow(1_000_000):06}"
    enrolment.email, enrolment.code_hash = email, _hash(email, code)
    enrolment.code_at, enrolment.tries = clock.now().timestamp(), 0
    enrolment.mails += 1
    return code


def fits(enrolment: Enrolment, code: str) -> bool:
    """Whether this is the code; each try counts, and after five none is right."""
    enrolment.tries += 1
    fresh = clock.now().timestamp() - enrolment.code_at < CODE_SECONDS
    right = constant_time_compare(_hash(enrolment.email, code), enrolment.code_hash)
    return right and fresh and enrolment.tries <= MAX_TRIES


def _hash(email: str, code: str) -> str:
    return salted_hmac("ila.identity.code", f"{email} {code}", algorithm="sha256").hexdigest()
