"""What an entry's page says for search engines, and of those who completed it."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import mark_safe

from catalogue.exporting import schema_org
from catalogue.exporting.records import PUBLIC_STATES, read_entries
from catalogue.models import MicroCredential
from catalogue.selectors import feedback as selectors
from catalogue.selectors.stacks import rules_about

register = template.Library()


@register.inclusion_tag("catalogue/parts/structured_data.html")
def structured_data(entry: MicroCredential) -> dict[str, Any]:
    """The entry's JSON-LD, for search engines: a data block, which no browser runs. Three queries."""
    if entry.state not in PUBLIC_STATES:
        return {"entry": entry, "document": None}
    [one] = read_entries([entry])
    # Escaped so that nothing in it ends the script element (`schema_org.embedded`).
    return {"entry": entry, "document": mark_safe(schema_org.embedded(one))}  # noqa: S308


@register.inclusion_tag("catalogue/parts/feedback.html")
def feedback(entry: MicroCredential) -> dict[str, Any]:
    """What completers said, what became of them, and what the entry adds up to. Three queries."""
    return {
        "results": selectors.results_of(entry),
        "outcomes": selectors.outcomes_of(entry),
        "rules": list(rules_about(entry)[:10]),
    }
