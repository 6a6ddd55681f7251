"""The keys that sign credentials: one signs, those before it still verify."""

from __future__ import annotations

import secrets

from django.db import IntegrityError, transaction

from catalogue.awards import sealing, tokens
from catalogue.models import Award, AwardState, KeyState, SigningKey
from ila.core import clock
from ila.core.errors import DomainError

RESIGNED_AT_ONCE = 200


def signs() -> bool:
    """Whether this installation can sign: it has a secret that keeps its keys."""
    return sealing.is_configured()


def signing_key() -> SigningKey:
    """The key that signs today; the first one is made when it is first needed. Raises: SealingError."""
    found = SigningKey.objects.filter(state=KeyState.ACTIVE).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return _make()
    except IntegrityError:
        # Another process made it meanwhile: one key signs at a time.
        return SigningKey.objects.get(state=KeyState.ACTIVE)


@transaction.atomic
def rotate_key() -> SigningKey:
    """A new key signs from now on. The one before verifies what it has signed; its private half is destroyed.

    Locks: the key that signs. Raises: SealingError.
    """
    current = SigningKey.objects.select_for_update().filter(state=KeyState.ACTIVE).first()
    if current is not None:
        _retire(current)
    return _make()


@transaction.atomic
def distrust_key(*, name: str) -> SigningKey:
    """A key has leaked: nothing signed by it is believed any more, and it is no longer published.

    Where it is the one that signs, a new key takes its place. `resign_awards` signs the awards anew.
    Locks: the key. Raises: DomainError `not_found`; SealingError.
    """
    key = SigningKey.objects.select_for_update().filter(name=name).first()
    if key is None:
        raise DomainError("not_found", status=404, kind="signing key")
    if key.state == KeyState.DISTRUSTED:
        return key
    now = clock.now()
    if key.state == KeyState.ACTIVE:
        _retire(key)
        _make()
    key.state, key.distrusted_at = KeyState.DISTRUSTED, now
    key.save(update_fields=["state", "distrusted_at"])
    return key


def resign_awards() -> int:
    """Sign anew what distrusted keys had signed and what still stands, a set at a time. Returns how many.

    Their learners download them again; what they say has not changed.
    """
    resigned = 0
    while number := _resign_some():
        resigned += number
    return resigned


@transaction.atomic
def _resign_some() -> int:
    awards = list(
        Award.objects.filter(state=AwardState.ISSUED, key__state=KeyState.DISTRUSTED)
        .order_by("pk")
        .select_for_update(of=("self",), skip_locked=True)[:RESIGNED_AT_ONCE]
    )
    if not awards:
        return 0
    key = signing_key()
    for award in awards:
        award.key, award.token = key, tokens.sign(award.claims, key)
    Award.objects.bulk_update(awards, ["key", "token"])
    return len(awards)


def _retire(key: SigningKey) -> None:
    key.state, key.retired_at, key.private_sealed = KeyState.RETIRED, clock.now(), None
    key.save(update_fields=["state", "retired_at", "private_sealed"])


def _make() -> SigningKey:
    now = clock.now()
    name = f"{now:%Y-%m-%d}-{secrets.token_hex(4)}"
    key = tokens.new_key()
    return SigningKey.objects.create(
        name=name,
        public_jwk=tokens.public_jwk(key, name=name),
        private_sealed=tokens.seal_private(key, name=name),
        created_at=now,
    )
