"""The codes a scenario's outcome may show, and what the platform's other refusals are among them."""

from funding.sentences import own_rule
from ila.core.errors import DomainError

CODES = frozenset(
    {
        "insufficient_rights",
        "not_eligible",
        "not_accredited",
        "not_bookable",
        "session_full",
        "budget_exhausted",
        "window_closed",
        "already_granted",
        "grant_ceiling",
        "too_early",
        "too_late",
        "usage_cap",
        "weak_identity",
        "consent_missing",
        "consent_denied",
        "not_allowed",
        "on_hold",
        "already_settled",
        "incomplete",
        "bad_price",
    }
)

# An account that no bank would take, or none at all, is something missing; a sum that no transfer carries is
# a price that cannot be. Everything else that is refused is an act that is not open to whoever tries it.
OTHERS = {
    "bad_iban": "incomplete",
    "bad_name": "incomplete",
    "bank_not_configured": "incomplete",
    "bad_amount": "bad_price",
    "bad_currency": "not_allowed",
    "idempotency_mismatch": "not_allowed",
    "invalid": "not_allowed",
    "not_found": "not_allowed",
}
FALLBACK = "not_allowed"


def code_of(error: DomainError) -> str:
    """The outcome's code of a refusal."""
    return error.code if error.code in CODES else OTHERS.get(error.code, FALLBACK)


# Refusals that every scheme knows, and the rule that each scheme has for them.
RULES = {"cpf": {"not_accredited": "F-17"}, "stap": {"not_accredited": "N-04"}}


def rule_of(error: DomainError, scheme: str, rulebook: str | None, borrowed: frozenset[str]) -> str | None:
    """The id of the rule behind a refusal; None where no rule of the scheme has one (decision 67).

    borrowed: other schemes' rules that the scenario has given this one.
    """
    own = own_rule(error.rule or RULES.get(scheme, {}).get(error.code), rulebook)
    return own or (error.rule if error.rule in borrowed else None)
