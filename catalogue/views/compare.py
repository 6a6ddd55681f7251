"""Up to four entries side by side."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalogue import costs, described, words
from catalogue.selectors.cards import Card, cards_of
from catalogue.services import listings
from catalogue.views.search import LINES_MADE_FIRST, MOST_COMPARED, compared_ids, rows_of


@login_not_required
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """A table of entries, one column each; its address holds their ids, so that it can be kept and shared."""
    listings.bring_up_to_date(limit=LINES_MADE_FIRST)
    given = request.GET.getlist("entry")
    ids = compared_ids(given)
    rows = rows_of(cards_of(ids), costs.wallet_of(request.user))
    columns = [{**row, "drop": _address(ids, without=row["entry"].pk)} for row in rows]
    kept = "&".join(f"with={row['entry'].pk}" for row in rows)
    context = {
        "columns": columns,
        "gone": len(ids) - len(rows),
        "too_many": len(set(given)) > MOST_COMPARED,
        "facts": [
            *((label, [said(row["entry"]) for row in rows]) for label, said in _facts()),
            *described.compared([row["entry"].pk for row in rows]),
        ],
        "another": f"{reverse('catalogue')}?{kept}"
        if kept and len(rows) < MOST_COMPARED
        else reverse("catalogue"),
        "most": MOST_COMPARED,
    }
    return render(request, "catalogue/compare.html", context)


def _address(ids: list[int], *, without: int) -> str:
    query = "&".join(f"entry={pk}" for pk in ids if pk != without)
    return f"{reverse('compare')}?{query}" if query else reverse("compare")


def _known(value: Any) -> str:
    """What is told; what is not is said to be so, and is never a no."""
    return str(value) if value else _("not specified")


def _yes_or_no(value: bool | None) -> str:
    return _("not specified") if value is None else _("yes") if value else _("none")


def _facts() -> list[tuple[str, Any]]:
    """The rows of the table beside price and dates: a label, and what it says of a card."""

    def named(trait: str, names: dict[str, Any]) -> Any:
        return lambda card: _known(words.word(names, code) if (code := card.code_of(trait)) else "")

    def modes(card: Card) -> str:
        return _known(", ".join(str(words.word(words.MODES, mode)) for mode in card.modes))

    return [
        (_("Kind"), lambda card: str(words.word(words.KINDS, card.kind))),
        (_("How it is taught"), modes),
        (_("Where"), lambda card: _known(", ".join(card.towns[:5]) or card.provider_city)),
        (_("Hours"), lambda card: _known(f"{card.hours.normalize():f}" if card.hours else "")),
        (_("Level"), named("level", words.LEVELS)),
        (_("Field"), named("field", words.FIELDS)),
        (_("Language"), named("language", words.LANGUAGES)),
        (_("Prerequisites"), lambda card: _yes_or_no(card.has_prerequisites)),
        (_("Provider's grade"), named("grade", words.GRADES)),
    ]
