"""Writes of a provider on its own entries by form, and of the authority on what was submitted."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.html import linebreaks

from accounts.models import User
from accounts.services import messages
from catalogue import permissions, regimes
from catalogue.importing.html import clean_text_or_html
from catalogue.marketing import Claim
from catalogue.models import (
    ChangeKind,
    CredentialState,
    DeliveryMode,
    EntryDescription,
    MicroCredential,
    Offer,
    PriceChange,
    Provider,
    Session,
    SessionChange,
    SessionState,
)
from catalogue.selectors import applications as applicants
from catalogue.selectors import completeness as selected
from catalogue.services import accreditations, entry_versions, micro_credentials
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

S = CredentialState
HTML = ("goals_html", "content_html")
PLACE = ("street", "postcode", "city")
MAX_PRICE_CENTS = 1_000_000_000
_ENTRY_FIELDS = frozenset(
    {
        *(
            "title",
            "kind",
            "code",
            "goals_html",
            "content_html",
            "language",
            "hours",
            "eqf_level",
            "isced_field",
        ),
        *(
            "has_prerequisites",
            "workload",
            "workload_scheme",
            "national_level",
            "assessed",
            "assessment_type",
        ),
        *("assessment_supervised", "identity_checked", "quality_assurance", "stackable", "validity_months"),
        *("skills", "more_information", "price_cents"),
    }
)
_OWN_FIELDS = frozenset(
    {
        *("awarding_body", "certifies", "participation", "assessment_only", "graded", "prerequisites"),
        *(
            "inherent_requirements",
            "financial_help",
            "recognition",
            "accessibility",
            "formacodes",
            "cip_code",
        ),
        "claims_reason",
    }
)
_MODES = {
    "in_person": DeliveryMode.IN_PERSON,
    "online": DeliveryMode.ONLINE,
    "blended": DeliveryMode.BLENDED,
    "hybrid": DeliveryMode.BLENDED,
}


@transaction.atomic
def create_entry(*, actor: User, provider: Provider, title: str, kind: str) -> MicroCredential:
    """Begin an entry: a draft that only its provider sees.

    Logs: micro-credential `create`. Raises: DomainError `not_allowed`, `invalid`.
    """
    if not permissions.acts_for_provider(provider, actor):
        raise DomainError("not_allowed", status=403, what="create_entry")
    entry = micro_credentials.create_micro_credential(
        actor=actor,
        provider=provider,
        external_id=uuid.uuid4().hex[:12],
        title=" ".join(title.split()),
        kind=kind,
        currency=provider.namespace.currency,
    )
    EntryDescription.objects.create(micro_credential=entry, updated_at=clock.now())
    return entry


@transaction.atomic
def save_entry(*, actor: User, entry_id: int, values: dict[str, Any]) -> MicroCredential:
    """Keep some elements of an entry. Of a registered one, what was examined becomes a version that waits.

    values: by element; a place (street, postcode, city) too. HTML is cleaned as an import cleans it.
    Locks: micro-credential. Logs: `amend` with the values before, for a registered entry.
    Raises: DomainError `not_allowed`, also for the price of a registered entry; `invalid`; `forbidden_claim` for a
    registered entry.
    """
    entry, description = _mine(actor, entry_id)
    if entry.state not in (S.DRAFT, S.REGISTERED):
        raise DomainError("not_allowed", what="save_entry", state=entry.state)
    before: dict[str, Any] = {}
    versioned: dict[str, Any] = {}
    for name, given in values.items():
        value = _paragraphs(given) if name in HTML and given else given
        holder: Any = entry if name in _ENTRY_FIELDS else description if name in _OWN_FIELDS else None
        if entry.state == S.REGISTERED and name in entry_versions.SETTLED:
            versioned[name] = value
            continue
        if holder is None or getattr(holder, name) == value:
            continue
        if entry.state == S.REGISTERED and name == "price_cents":
            raise DomainError("not_allowed", what="save_entry", reason="settled", element=name)
        before[name] = getattr(holder, name)
        setattr(holder, name, value)
    if entry.price_cents is not None and not 0 < entry.price_cents < MAX_PRICE_CENTS:
        raise DomainError("invalid", status=422, what="price_cents", reason="price_cents")
    if entry.state == S.REGISTERED and before:
        _refuse_claims(entry, description)
        row = fsm.log_row(entry, "amend", source=entry.state, actor=actor)
        row.data = {"before": {name: str(value) for name, value in before.items()}}
        row.save(force_insert=True)
    if versioned:
        _refuse_claims_of(versioned, description)
        entry_versions.keep_version(entry, actor=actor, values=versioned)
    _keep(entry, description)
    _keep_offer(entry, description, {name: values[name] for name in PLACE if name in values})
    return entry


@transaction.atomic
def submit_entry(*, actor: User, entry_id: int) -> MicroCredential:
    """Ask the authority to register it; its first price begins its history.

    Locks: micro-credential. Logs: `submit`. Raises: DomainError `incomplete` naming what is missing,
    `forbidden_claim` naming the element and the words (S-12), unless the provider said why they are none;
    `not_allowed`.
    """
    entry, description = _mine(actor, entry_id)
    if missing := selected.completeness(entry, description).missing:
        raise DomainError("incomplete", status=422, what=missing[0].step, missing=missing[0].name)
    _refuse_claims(entry, description)
    now = clock.now()
    fsm.apply(entry, "submit", actor=actor, at=now)
    if description.back_reason:
        description.back_reason = ""
        description.save(update_fields=["back_reason"])
    return entry


@transaction.atomic
def register_entry(
    *, actor: User, entry_id: int, reason: str = "", valid_until: Any = None
) -> MicroCredential:
    """Enter it in the register. Where the regime accredits programmes, it is accredited by that, until a day.

    Locks: micro-credential. Logs: `register`; accreditation `record`. Raises: DomainError `not_allowed`.
    """
    entry = _submitted(actor, entry_id)
    now = clock.now()
    entry.search_text = micro_credentials.search_text_of(
        entry, entry.provider, Offer.objects.filter(micro_credential=entry).values_list("city", flat=True)
    )
    fsm.apply(entry, "register", actor=actor, reason=reason, at=now)
    regime = regimes.REGIMES.get(entry.provider.register)
    if regime is not None and regime.accredits_programmes:
        day = entry.provider.namespace.calendar.local_date(now)
        accreditations.record_accreditation(
            actor=actor,
            authority=regime.authority,
            micro_credential=entry,
            valid_from=day,
            valid_until=valid_until or regimes.last_day(regime, day),
            reason=reason,
        )
    if entry.price_cents is not None and not entry.price_changes.exists():
        _price(entry, None, entry.price_cents, actor, applied=True)
    _tell(entry, template="entry_registered", reason=reason)
    return entry


@transaction.atomic
def send_back_entry(*, actor: User, entry_id: int, reason: str) -> MicroCredential:
    """Send it back to its provider, who changes it and submits it again.

    Locks: micro-credential. Logs: `send_back`. Raises: DomainError `incomplete` without a reason, `not_allowed`.
    """
    _require(reason)
    entry = _submitted(actor, entry_id)
    fsm.apply(entry, "send_back", actor=actor, reason=reason, at=clock.now())
    EntryDescription.objects.update_or_create(
        micro_credential=entry, defaults={"back_reason": reason.strip(), "updated_at": clock.now()}
    )
    _tell(entry, template="entry_sent_back", reason=reason.strip())
    return entry


@transaction.atomic
def change_price(*, actor: User, entry_id: int, price_cents: int, reason: str = "") -> PriceChange:
    """Ask another price of those who book from now on. A jump beyond the regime's limit waits for a person.

    price_cents: all taxes included. The limit is reckoned from the lowest price of the last months, so that small steps
    add up. Locks: micro-credential. Raises: DomainError `invalid` for a price that cannot be, or is none;
    `not_allowed`, also while another change waits.
    """
    entry, _ = _mine(actor, entry_id)
    # Where sessions carry prices of their own, as files tell them, there is no one price to change.
    if entry.state != S.REGISTERED or entry.price_cents is None:
        raise DomainError("not_allowed", what="change_price", state=entry.state)
    if not 0 < price_cents < MAX_PRICE_CENTS or price_cents == entry.price_cents:
        raise DomainError("invalid", status=422, what="price_cents", reason="price_cents")
    if entry.price_changes.filter(applied_at=None, refused_at=None).exists():
        raise DomainError("not_allowed", what="change_price", reason="one_waits")
    jump = _jump(entry, price_cents)
    change = _price(
        entry, entry.price_cents, price_cents, actor, applied=jump is None, jump=jump, reason=reason
    )
    if jump is None:
        _apply_price(entry, change, actor)
    return change


@transaction.atomic
def decide_price(*, actor: User, change_id: int, accepted: bool, reason: str = "") -> PriceChange:
    """Decide a price that jumped: it holds from now on, or it is refused for a reason.

    Locks: micro-credential. Raises: DomainError `incomplete` for a refusal without a reason, `not_allowed` for one that
    is decided.
    """
    if not accepted:
        _require(reason)
    if actor.is_service or not permissions.is_authority(None, actor):
        raise DomainError("not_allowed", status=403, what="decide_price")
    known = PriceChange.objects.filter(pk=change_id).values_list("micro_credential", flat=True).first()
    if known is None:
        raise DomainError("not_found", status=404, kind="price_change")
    (entry,) = locks.acquire(locks.lock(MicroCredential, known))
    change = PriceChange.objects.get(pk=change_id)
    if not change.waits:
        raise DomainError("not_allowed", what="decide_price", reason="decided")
    now = clock.now()
    change.decided_by, change.decision_reason = actor, reason.strip()[:500]
    change.applied_at, change.refused_at = (now, None) if accepted else (None, now)
    change.save()
    if accepted:
        _apply_price(entry, change, actor)
    _tell(entry, template="price_decided", accepted=accepted, reason=reason.strip())
    return change


def _paragraphs(given: str) -> str:
    """A text as it is shown: HTML cleaned as an import cleans it; of plain text, its lines and paragraphs are kept."""
    cleaned = clean_text_or_html(given.replace("\r\n", "\n")).text
    return cleaned if "<" in cleaned else str(linebreaks(cleaned, autoescape=False))


def _mine(actor: User, entry_id: int) -> tuple[MicroCredential, EntryDescription]:
    (entry,) = locks.acquire(locks.lock(MicroCredential, entry_id))
    if actor.is_service or not permissions.acts_for_provider(entry, actor):
        raise DomainError("not_allowed", status=403, what="entry")
    description, _ = EntryDescription.objects.get_or_create(
        micro_credential=entry, defaults={"updated_at": clock.now()}
    )
    return entry, description


def _submitted(actor: User, entry_id: int) -> MicroCredential:
    if actor.is_service or not permissions.is_authority(None, actor):
        raise DomainError("not_allowed", status=403, what="entry")
    (entry,) = locks.acquire(locks.lock(MicroCredential, entry_id))
    return entry  # type: ignore[no-any-return]


def _refuse_claims(entry: MicroCredential, description: EntryDescription) -> None:
    _refuse(selected.claims_of(entry, description), description)


def _refuse_claims_of(values: dict[str, Any], description: EntryDescription) -> None:
    """The texts of a version, before it waits."""
    _refuse(selected.claims_in(values), description)


def _refuse(claims: list[tuple[str, Claim]], description: EntryDescription) -> None:
    if claims and not description.claims_reason.strip():
        element, claim = claims[0]
        raise DomainError(
            "forbidden_claim",
            rule="S-12",
            status=422,
            element=element,
            claim=claim.name,
            words=claim.words,
            number=len(claims),
        )


def _keep(entry: MicroCredential, description: EntryDescription) -> None:
    now = clock.now()
    entry.updated_at = description.updated_at = now
    fsm.validate(entry)
    try:
        description.clean_fields(exclude=["micro_credential"])
    except ValidationError as error:
        raise DomainError("invalid", status=422, what="entry", faults="; ".join(error.messages)) from error
    entry.save()
    description.save()


def _keep_offer(entry: MicroCredential, description: EntryDescription, place: dict[str, str]) -> None:
    """The place and way it is taught, once there is a price: what searches and sessions read."""
    if entry.price_cents is None or not description.participation:
        return
    values: dict[str, Any] = {
        "mode": _MODES[description.participation],
        "language": entry.language,
        "country": entry.provider.country,
        "currency": entry.currency,
        "price_cents": entry.price_cents,
        "has_prerequisites": entry.has_prerequisites,
        "updated_at": clock.now(),
        **place,
    }
    offer = selected.offer_of(entry)
    if offer is None:
        Offer.objects.create(micro_credential=entry, external_id="1", created_at=clock.now(), **values)
        return
    for name, value in values.items():
        setattr(offer, name, value)
    offer.save(update_fields=[*values])
    # Its other places are taught in the same way, at the same price.
    shared = {name: value for name, value in values.items() if name not in PLACE}
    selected.offers_of(entry).exclude(pk=offer.pk).update(**shared)


def _jump(entry: MicroCredential, price_cents: int) -> int | None:
    """By how many percent a price is above the lowest of the last months; None inside the limit."""
    regime = regimes.REGIMES.get(entry.provider.register)
    if regime is None:
        return None
    since = clock.now() - timedelta(days=regime.price_jump_days)
    applied = entry.price_changes.filter(applied_at__isnull=False)
    recent = applied.filter(applied_at__gte=since)
    prices = [entry.price_cents, *recent.values_list("before_cents", flat=True)]
    lowest = min((cents for cents in prices if cents), default=None)
    if lowest is None or price_cents * 100 <= lowest * (100 + regime.price_jump_percent):
        return None
    return -(-(price_cents - lowest) * 100 // lowest)


def _price(
    entry: MicroCredential,
    before: int | None,
    after: int,
    actor: User,
    *,
    applied: bool,
    jump: int | None = None,
    reason: str = "",
) -> PriceChange:
    now = clock.now()
    return PriceChange.objects.create(
        micro_credential=entry,
        before_cents=before,
        after_cents=after,
        currency=entry.currency,
        jump_percent=jump,
        asked_by=actor,
        asked_at=now,
        reason=reason.strip()[:500],
        applied_at=now if applied else None,
    )


def _apply_price(entry: MicroCredential, change: PriceChange, actor: User) -> None:
    """The price holds for later proposals: of the entry, its offers, and the sessions that had the price before."""
    now = clock.now()
    before = change.before_cents or 0
    entry.price_cents, entry.updated_at = change.after_cents, now
    entry.save(update_fields=["price_cents", "updated_at"])
    Offer.objects.filter(micro_credential=entry, price_cents=before).update(
        price_cents=change.after_cents, updated_at=now
    )
    waiting = Session.objects.filter(
        micro_credential=entry,
        price_cents=before,
        state__in=(SessionState.PLANNED, SessionState.OPEN, SessionState.GUARANTEED),
    )
    rows = locks.acquire_set(waiting)
    seats = dict(waiting.values_list("pk", "seats__taken"))
    SessionChange.objects.bulk_create(
        SessionChange(
            session=one,
            kind=ChangeKind.PRICE,
            before={"price_cents": change.before_cents},
            after={"price_cents": change.after_cents},
            bookings=seats.get(one.pk) or 0,
            actor=actor,
            at=now,
        )
        for one in rows
    )
    Session.objects.filter(pk__in=[one.pk for one in rows]).update(
        price_cents=change.after_cents, updated_at=now
    )


def next_session_id(entry: MicroCredential) -> str:
    """A number that no session of the entry has yet."""
    highest = Session.objects.filter(micro_credential=entry).aggregate(last=Max("pk"))["last"] or 0
    return f"s{highest + 1}"


def _tell(entry: MicroCredential, *, template: str, **context: Any) -> None:
    organisation_id = entry.provider.organisation_id
    if organisation_id is None:
        return
    for user in applicants.members(organisation_id):
        messages.queue(recipient=user, template=template, entry=entry.pk, title=entry.title, **context)


def _require(text: str) -> None:
    if not text.strip():
        raise DomainError("incomplete", status=422, what="reason", missing="reason")
