"""What money may be kept for: a field of study, one entry of the catalogue, a certification's code, a kind."""

from funding.schemes.facts import CredentialFacts

FIELD = "isced:"
ENTRY = "entry:"


def of_field(digits: str) -> str:
    """The earmark of a field of study (ISCED-F 2013) and all fields under it."""
    return f"{FIELD}{digits}"


def of_entry(pk: int | str) -> str:
    """The earmark of one entry of the catalogue."""
    return f"{ENTRY}{pk}"


def pays_for(earmark: str | None, credential: CredentialFacts) -> bool:
    """Whether money with that earmark may pay for this credential; money without one pays for any."""
    if not earmark:
        return True
    if earmark.startswith(FIELD):
        return credential.field.startswith(earmark.removeprefix(FIELD)) and bool(credential.field)
    if earmark.startswith(ENTRY):
        return credential.entry == earmark.removeprefix(ENTRY)
    return earmark in (credential.kind, credential.code, credential.field)
