"""What a verifier is told: whether a credential is ours, unaltered, in force, and if not, why not."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import models

from catalogue.awards import addresses, baking, status, tokens
from catalogue.awards.tokens import NotAToken, Token
from catalogue.models import Award, AwardState, KeyState, SigningKey, StatusList
from catalogue.services.awards.keys import signing_key
from ila.core import clock

# Clocks differ; a credential issued a moment ago by another's clock is not from the future.
LEEWAY = timedelta(minutes=1)
BADGE_TYPES = {"OpenBadgeCredential", "AchievementCredential"}


@dataclass(frozen=True)
class Verdict:
    """What was found. award: the one that was proved to be ours; None where nothing was proved.

    code: valid, expired, not_yet_valid, revoked, altered, forged, distrusted, not_in_register, unknown_issuer,
    unsigned, not_a_credential, too_large; of pictures huge_picture, packed, active_picture, broken_picture,
    empty_picture, several; paper.
    """

    code: str
    award: Award | None = None

    @property
    def is_valid(self) -> bool:
        """Whether it may be relied on now."""
        return self.code == "valid"


def verify_text(text: str) -> Verdict:
    """What somebody pasted or uploaded. Nothing that it names is ever fetched."""
    try:
        token = tokens.read(text)
    except NotAToken as finding:
        return Verdict(finding.code)
    return _judge(token)


def verify_file(content: bytes) -> Verdict:
    """What somebody uploaded: a token, JSON, or a picture with a credential baked in. Nothing is drawn or fetched."""
    try:
        text = baking.text_of(content)
    except NotAToken as finding:
        return Verdict(finding.code)
    return verify_text(text)


def verify_award(public_id: uuid.UUID) -> Verdict | None:
    """The award behind a printed address; None where there is none."""
    award = _awards().filter(public_id=public_id).first()
    if award is None:
        return None
    token = tokens.read(award.token)
    # What the register holds is proved as well: a row that was changed by hand is not shown as valid.
    return _judge(token, known=award)


def sign_status_list(*, provider_id: int, number: int) -> str | None:
    """The status list as a signed credential; None where there is none. Raises: SealingError."""
    found = StatusList.objects.filter(provider_id=provider_id, number=number).first()
    if found is None:
        return None
    revoked = Award.objects.filter(status_list=found, state=AwardState.REVOKED)
    claims = status.build_claims(
        provider_id=provider_id,
        number=number,
        revoked=revoked.values_list("status_index", flat=True),
        now=clock.now().replace(microsecond=0),
    )
    return tokens.sign(claims, signing_key())


def _judge(token: Token, *, known: Award | None = None) -> Verdict:
    types = token.claims.get("type")
    if not isinstance(types, list) or not BADGE_TYPES & {each for each in types if isinstance(each, str)}:
        return Verdict("not_a_credential")
    if not addresses.is_issuer(token.claims.get("iss")):
        return Verdict("unknown_issuer")
    # From here on it says that it is ours.
    key, award = _key_of(token), known or _award_of(token)
    if key is None or not tokens.is_signed_by(token, key):
        return Verdict("altered" if key is not None and award is not None else "forged")
    if key.state == KeyState.DISTRUSTED:
        return Verdict("distrusted")
    if award is None:
        return Verdict("not_in_register")
    return Verdict(_standing(token, award), award)


def _key_of(token: Token) -> SigningKey | None:
    """The key of ours that the header names, if it is a header that we write. A key in it is never looked at."""
    name = addresses.key_of(token.header["kid"]) if tokens.has_our_header(token.header) else None
    return None if name is None else SigningKey.objects.filter(name=name).first()


def _standing(token: Token, award: Award) -> str:
    now = clock.now()
    if award.state == AwardState.REVOKED:
        return "revoked"
    if award.is_expired(now):
        return "expired"
    begins = token.claims.get("nbf")
    if not isinstance(begins, int) or begins > (now + LEEWAY).timestamp():
        return "not_yet_valid"
    return "valid"


def _award_of(token: Token) -> Award | None:
    public_id = addresses.award_of(token.claims.get("jti"))
    return None if public_id is None else _awards().filter(public_id=public_id).first()


def _awards() -> models.QuerySet[Award]:
    return Award.objects.select_related("provider", "micro_credential", "citizen")
