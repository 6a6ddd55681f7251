"""Writes of a provider on what it told of itself: each with the day it holds from, and kept when it ends."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services import messages
from catalogue import permissions, regimes
from catalogue.models import Application, DetailKind, DetailReview, Provider, ProviderDetail
from catalogue.selectors import applications as applicants
from catalogue.selectors import details as selected
from ila.core import clock, locks
from ila.core.errors import DomainError

LONGEST = timedelta(days=366)
MOST = 200
# The relations of an application that become details, and what of them is kept.
_ROWS: dict[str, tuple[str, tuple[str, ...]]] = {
    DetailKind.ESTABLISHMENT: (
        "establishments",
        ("name", "street", "postcode", "city", "country", "accessible"),
    ),
    DetailKind.PERSON: ("persons", ("role", "full_name", "birth_date", "share_percent")),
    DetailKind.PARTNER: (
        "partners",
        ("kind", "name", "number", "task", "contract_signed_on", "amount_cents"),
    ),
    DetailKind.TRAINER: ("trainers", ("full_name", "subject", "qualification", "certified")),
}
_CONTACT = ("email", "phone", "website", "turnover_cents", "currency")


@transaction.atomic
def add_detail(
    *, actor: User, provider_id: int, kind: str, facts: dict[str, Any], valid_from: date
) -> ProviderDetail:
    """Tell something more, in force from a day. What matters for the accreditation waits for the authority's look.

    A contact takes the place of the one before. facts: by the names of the application's form of that kind.
    Locks: provider. Raises: DomainError `not_allowed`, also for a partner that may not be (F-35); `invalid` for a day
    too far away, owners with more than the whole, or too many rows.
    """
    provider = _mine(actor, provider_id)
    if kind == DetailKind.CONTACT:
        current = provider.facts_told.filter(kind=kind, valid_until__isnull=True).first()
        if current is not None:
            return _replaced(current, provider, actor, facts, valid_from)
    return _added(provider, actor, kind, facts, valid_from)


@transaction.atomic
def replace_detail(*, actor: User, detail_id: int, facts: dict[str, Any], valid_from: date) -> ProviderDetail:
    """Say something else from a day on; what was said before ends the day before and is kept.

    Locks: provider. Raises: as `add_detail`; `not_allowed` for what has ended.
    """
    before = ProviderDetail.objects.filter(pk=detail_id).first()
    if before is None:
        raise DomainError("not_found", status=404, kind="detail")
    provider = _mine(actor, before.provider_id)
    return _replaced(ProviderDetail.objects.get(pk=detail_id), provider, actor, facts, valid_from)


@transaction.atomic
def end_detail(*, actor: User, detail_id: int, last_day: date) -> ProviderDetail:
    """Say until when something holds. It is kept. The last director does not go before the next one is told.

    Locks: provider. Raises: DomainError `not_allowed` for what has ended, `invalid` for a day that cannot be,
    `incomplete` for the last director or the only contact.
    """
    found = ProviderDetail.objects.filter(pk=detail_id).first()
    if found is None:
        raise DomainError("not_found", status=404, kind="detail")
    provider = _mine(actor, found.provider_id)
    detail = ProviderDetail.objects.get(pk=detail_id)
    _check_open(detail)
    _check_day(provider, last_day)
    if detail.kind == DetailKind.CONTACT:
        raise DomainError("incomplete", status=422, what="contact", missing="contact")
    others = provider.facts_told.filter(kind=DetailKind.PERSON, valid_until__isnull=True).exclude(
        pk=detail.pk
    )
    if _is_director(detail) and not any(_is_director(one) for one in others):
        raise DomainError("incomplete", status=422, what="person", missing="director")
    _end(detail, actor, max(last_day, detail.valid_from - timedelta(days=1)))
    if _matters(provider, detail):
        detail.end_review = DetailReview.WAITS
        detail.save(update_fields=["end_review"])
    return detail


@transaction.atomic
def review_detail(*, actor: User, detail_id: int, accepted: bool, note: str = "") -> ProviderDetail:
    """Say that a change was looked at. An objection is sent to the provider; what follows is decided with the rest.

    Locks: provider. Raises: DomainError `incomplete` for an objection without a reason, `not_allowed`.
    """
    if actor.is_service or not permissions.is_authority(None, actor):
        raise DomainError("not_allowed", status=403, what="review_detail")
    if not accepted and not note.strip():
        raise DomainError("incomplete", status=422, what="reason", missing="reason")
    found = ProviderDetail.objects.filter(pk=detail_id).values_list("provider", flat=True).first()
    if found is None:
        raise DomainError("not_found", status=404, kind="detail")
    (provider,) = locks.acquire(locks.lock(Provider, found))
    detail = ProviderDetail.objects.get(pk=detail_id)
    outcome = DetailReview.ACCEPTED if accepted else DetailReview.OBJECTED
    waiting = [name for name in ("review", "end_review") if getattr(detail, name) == DetailReview.WAITS]
    if not waiting:
        raise DomainError("not_allowed", what="review_detail", reason="decided")
    for name in waiting:
        setattr(detail, name, outcome)
    detail.reviewed_by, detail.reviewed_at = actor, clock.now()
    detail.review_note = note.strip()[:500]
    detail.save(update_fields=[*waiting, "reviewed_by", "reviewed_at", "review_note"])
    if not accepted and provider.organisation_id is not None:
        for user in applicants.members(provider.organisation_id):
            messages.queue(
                recipient=user,
                template="detail_objected",
                provider=provider.pk,
                name=str(provider),
                reason=detail.review_note,
            )
    return detail


def adopt_application(application: Application, provider: Provider, *, actor: User) -> int:
    """What was examined in an application is what holds from today; what was told before of that ends yesterday.

    For a service that holds the provider's lock. Returns how many rows there are.
    """
    today = selected.today_at(provider)
    kinds = [DetailKind.CONTACT, *_ROWS]
    if application.is_claim:
        # A claim asks neither for places nor for trainers: what is known of them stays.
        kinds = [DetailKind.CONTACT, DetailKind.PERSON]
    for old in provider.facts_told.filter(kind__in=kinds, valid_until__isnull=True):
        _end(old, actor, max(today, old.valid_from) - timedelta(days=1))
    told = [(DetailKind.CONTACT.value, {name: getattr(application, name) for name in _CONTACT})]
    for kind in kinds:
        if kind == DetailKind.CONTACT:
            continue
        relation, names = _ROWS[kind]
        rows = getattr(application, relation).order_by("pk")
        told += [(kind, {name: getattr(one, name) for name in names}) for one in rows]
    made = ProviderDetail.objects.bulk_create(
        ProviderDetail(provider=provider, kind=kind, facts=_plain(facts), valid_from=today, entered_by=actor)
        for kind, facts in told
    )
    return len(made)


def _mine(actor: User, provider_id: int) -> Provider:
    (provider,) = locks.acquire(locks.lock(Provider, provider_id))
    organisation = provider.organisation
    if organisation is None or not permissions.acts_for_organisation(organisation, actor):
        raise DomainError("not_allowed", status=403, what="detail")
    return provider  # type: ignore[no-any-return]


def _replaced(
    before: ProviderDetail, provider: Provider, actor: User, facts: dict[str, Any], valid_from: date
) -> ProviderDetail:
    _check_open(before)
    if _plain(facts) == before.facts:
        raise DomainError("invalid", status=422, what=before.kind, reason="same")
    mattered = _matters(provider, before)
    _end(before, actor, valid_from - timedelta(days=1))
    made = _added(provider, actor, before.kind, facts, valid_from)
    if mattered and made.review == DetailReview.NOT_NEEDED:
        made.review = DetailReview.WAITS
        made.save(update_fields=["review"])
    return made


def _added(
    provider: Provider, actor: User, kind: str, facts: dict[str, Any], valid_from: date
) -> ProviderDetail:
    _check_day(provider, valid_from)
    if kind not in DetailKind.values:
        raise DomainError("not_found", status=404, kind="detail")
    standing = [one for one in provider.facts_told.filter(_from(valid_from)) if one.kind == kind]
    if len(standing) >= MOST:
        raise DomainError("invalid", status=422, what="rows", reason="too_many")
    detail = ProviderDetail(
        provider=provider, kind=kind, facts=_plain(facts), valid_from=valid_from, entered_by=actor
    )
    detail.entered_at = clock.now()
    if kind == DetailKind.PARTNER:
        _check_partners(provider, [*standing, detail], detail)
    if kind == DetailKind.PERSON:
        _check_shares([*standing, detail])
    if _matters(provider, detail):
        detail.review = DetailReview.WAITS
    detail.save(force_insert=True)
    return detail


def _check_partners(provider: Provider, partners: list[ProviderDetail], new: ProviderDetail) -> None:
    """F-35, of all that run from the day on together: the year's amounts beside the turnover that was told last."""
    contact = provider.facts_told.filter(kind=DetailKind.CONTACT).order_by("-valid_from", "-pk").first()
    turnover = int((contact.facts.get("turnover_cents") if contact else None) or 0)
    amounts = [int(one.facts["amount_cents"]) for one in partners if one.facts["kind"] == "subcontractor"]
    regimes.check_subcontracting(
        regimes.regime_of(provider.register),
        turnover_cents=turnover,
        subcontracted_cents=sum(amounts),
        delisted=applicants.is_delisted(str(new.facts["number"])),
    )


def _check_shares(people: list[ProviderDetail]) -> None:
    total = sum(
        Decimal(one.facts.get("share_percent") or 0) for one in people if one.facts["role"] == "owner"
    )
    if total > 100:
        raise DomainError("invalid", status=422, what="person", reason="shares")


def _matters(provider: Provider, detail: ProviderDetail) -> bool:
    """Whether the accreditation was given with a view to it: who directs, owns or works for the provider."""
    if detail.kind == DetailKind.TRAINER:
        return regimes.regime_of(provider.register).trainers_certified_percent is not None
    return detail.kind in (DetailKind.PERSON, DetailKind.PARTNER)


def _is_director(detail: ProviderDetail) -> bool:
    return detail.kind == DetailKind.PERSON and detail.facts.get("role") == "director"


def _check_open(detail: ProviderDetail) -> None:
    if detail.valid_until is not None:
        raise DomainError("not_allowed", what="detail", reason="ended")


def _check_day(provider: Provider, day: date) -> None:
    today = selected.today_at(provider)
    if not today - LONGEST <= day <= today + LONGEST:
        raise DomainError("invalid", status=422, what="day", reason="far_day")


def _end(detail: ProviderDetail, actor: User, last_day: date) -> None:
    detail.valid_until, detail.ended_by, detail.ended_at = last_day, actor, clock.now()
    detail.save(update_fields=["valid_until", "ended_by", "ended_at"])


def _from(day: date) -> Q:
    """Rows that hold on a day or later."""
    return Q(valid_until__isnull=True) | Q(valid_until__gte=day)


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts as JSON has them."""
    return {
        name: value.isoformat()
        if isinstance(value, date)
        else str(value)
        if isinstance(value, Decimal)
        else value
        for name, value in facts.items()
    }
