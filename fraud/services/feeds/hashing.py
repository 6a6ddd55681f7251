"""Personal data in facts: as keyed hashes that can be compared and not read (HMAC-SHA-256, made by the database).

The database makes them, so that data go from table to table in sets; it knows the key for the length of a statement.
"""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings

_BLOCK = 64


def hash_keys() -> dict[str, bytes]:
    """The two padded halves of the key, as parameters of every statement that hashes."""
    key = _key().ljust(_BLOCK, b"\x00")
    return {
        "inner": bytes(byte ^ 0x36 for byte in key),
        "outer": bytes(byte ^ 0x5C for byte in key),
    }


def _key() -> bytes:
    own = settings.FRAUD_FACTS_SECRET
    return hashlib.sha256(b"ila.fraud.facts:" + (own or settings.SECRET_KEY).encode()).digest()


def hashed(what: str, value: str) -> str:
    """The SQL of a value's hash, NULL where there is none. what: keeps equal words of other kinds apart."""
    text = f"convert_to('{what}:' || ({value}), 'UTF8')"
    hmac_sql = f"sha256(%(outer)s::bytea || sha256(%(inner)s::bytea || {text}))"
    return f"CASE WHEN coalesce({value}, '') <> '' THEN left(encode({hmac_sql}, 'hex'), 32) END"


def hash_of(what: str, value: str) -> str:
    """The same hash of one value, for what is looked up by hand."""
    return hmac.new(_key(), f"{what}:{value}".encode(), hashlib.sha256).hexdigest()[:32]


def email(value: str) -> str:
    """The SQL of an e-mail address's hash, in any case of its letters."""
    return hashed("email", f"lower(btrim({value}))")


def phone(value: str) -> str:
    """The SQL of a phone number's hash, by its last nine digits: with and without the country's prefix."""
    return hashed("phone", rf"right(regexp_replace({value}, '\D', '', 'g'), 9)")


def iban(value: str) -> str:
    """The SQL of an account's hash, without its spaces."""
    return hashed("iban", rf"upper(regexp_replace({value}, '\s', '', 'g'))")


def address(*parts: str) -> str:
    """The SQL of a postal address's hash, in plain letters."""
    joined = " || ' ' || ".join(f"coalesce({part}, '')" for part in parts)
    return hashed("address", plain_words(joined))


def plain_words(value: str) -> str:
    """The SQL of a text in small letters without accents, words one space apart."""
    bare = rf"regexp_replace(normalize({value}, NFKD), '[\u0300-\u036f]', '', 'g')"
    return rf"btrim(regexp_replace(lower({bare}), '\s+', ' ', 'g'))"


def person(name: str, born: str) -> str:
    """The SQL of what tells a natural person: name and birth date; without one, the name within their firm."""
    return hashed("person", f"{plain_words(name)} || '/' || {born}")


def partner(detail: str) -> str:
    """The SQL of what tells an agent or subcontractor of a provider: its number, or its name within that provider.

    detail: the name of its row among what the provider has told.
    """
    number, name = f"coalesce({detail}.facts->>'number', '')", f"coalesce({detail}.facts->>'name', '')"
    return f"coalesce({hashed('firm', number)}, {person(name, f'{detail}.provider_id::text')})"


def device(sign_in: str) -> str:
    """The SQL of what tells a device: its network and browser together, since millions share a browser's name."""
    both = f"coalesce({sign_in}.ip_hash, '') || '/' || {sign_in}.device_hash"
    return f"CASE WHEN coalesce({sign_in}.device_hash, '') <> '' THEN {hashed('device', both)} END"
