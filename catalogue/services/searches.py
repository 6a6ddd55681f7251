"""Searches that somebody keeps, and the mails about what is new in them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.http import QueryDict

from accounts.models import User
from accounts.services import messages
from catalogue import costs
from catalogue.forms import SearchForm
from catalogue.models import MicroCredential, SavedSearch
from catalogue.selectors.search import make_search
from ila.core import clock
from ila.core.errors import DomainError

MOST = 50
"""Searches that one person may keep."""

BETWEEN_MAILS = timedelta(hours=20)
TITLES = 5
MOST_COUNTED = 100


@transaction.atomic
def save_search(*, actor: User, query: str, name: str) -> SavedSearch:
    """Keep a search under a name; the same search again keeps its place and gets the new name.

    query: the address after its question mark. Raises: DomainError `not_allowed` above fifty kept searches.
    """
    text = SearchForm.query_of(QueryDict(query))
    # One at a time for each person: otherwise two at once would pass the limit together.
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    known = SavedSearch.objects.filter(owner=actor)
    kept = known.filter(query=text).first()
    if kept is None and known.count() >= MOST:
        raise DomainError("not_allowed", reason="too_many_searches", most=MOST)
    search = kept or SavedSearch(owner=actor, query=text)
    search.name = name.strip()[:200] or text[:200]
    search.save()
    return search


def delete_search(*, actor: User, public_id: UUID) -> None:
    """Forget it. Raises: DomainError `not_found` (404) for one that is not the actor's."""
    _own(actor, public_id).delete()


def set_mails(*, actor: User, public_id: UUID, mails: bool) -> SavedSearch:
    """Begin or end the mails about it; what is listed meanwhile is not told later. Raises: as `delete_search`."""
    search = _own(actor, public_id)
    search.mails, search.checked_at = mails, clock.now()
    search.save(update_fields=["mails", "checked_at"])
    return search


def stop_mails(*, stop_token: UUID) -> SavedSearch | None:
    """End the mails, asked for by whoever has one of them; None for a search that is no longer kept."""
    search = SavedSearch.objects.filter(stop_token=stop_token).first()
    if search is not None and search.mails:
        search.mails = False
        search.save(update_fields=["mails"])
    return search


def mail_new_matches(*, limit: int = 10_000) -> dict[str, int]:
    """Look through the searches whose last look was yesterday, and mail what has been listed since.

    Each search in a transaction of its own, passed over while another worker has it: told once.
    """
    looked, told = 0, 0
    while looked < limit and (new := _check_next()) is not None:
        looked += 1
        told += bool(new)
    return {"searches": looked, "mailed": told}


@transaction.atomic
def _check_next() -> int | None:
    """Look through the search that waits longest. Returns how much is new; None when none waits."""
    now = clock.now()
    waiting = SavedSearch.objects.filter(mails=True, checked_at__lte=now - BETWEEN_MAILS)
    search = (
        waiting.select_related("owner")
        .order_by("checked_at", "pk")
        .select_for_update(of=("self",), skip_locked=True)
        .first()
    )
    if search is None:
        return None
    since, search.checked_at = search.checked_at, now
    search.save(update_fields=["checked_at"])
    if not search.owner.is_active:
        return 0
    asked = SearchForm.read(QueryDict(search.query))[0]
    wallet = costs.wallet_of(search.owner) if "own" in asked else None
    limits = wallet.limits(asked["own"]) if wallet is not None else None
    new = make_search(asked, now, limits=limits).new_since(since, limit=MOST_COUNTED)
    if new:
        titles = dict(MicroCredential.objects.filter(pk__in=new[:TITLES]).values_list("pk", "title"))
        messages.queue(
            recipient=search.owner,
            template="saved_search_matches",
            search=search.name,
            query=search.query,
            count=len(new),
            titles=[titles[pk] for pk in new[:TITLES] if pk in titles],
            stop=str(search.stop_token),
        )
    return len(new)


def _own(actor: User, public_id: UUID) -> SavedSearch:
    search = SavedSearch.objects.filter(owner=actor, public_id=public_id).first()
    if search is None:
        raise DomainError("not_found", status=404, kind="saved search")
    return search
