"""Storing the entries of one provider: compared in batches, written in sets, in one transaction."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from catalogue.identities import country_of
from catalogue.importing.problems import Problem, Problems
from catalogue.importing.spool import Spool, Spooled
from catalogue.models import (
    Accreditation,
    ChangeKind,
    CredentialState,
    MicroCredential,
    Offer,
    Provider,
    Session,
    SessionChange,
    SessionSeats,
    SessionState,
)
from catalogue.registers import Register
from catalogue.services.imports import rows
from catalogue.services.imports.descriptions import store_descriptions
from catalogue.services.imports.moves import CREDENTIAL_PATHS, Walk, last_moved_by, log_moves, move_many
from ila.core import fsm, locks

BATCH = 500
REASON = "catalogue import"


@dataclass(slots=True)
class Counts:
    """Entries of one provider by what became of them."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    delisted: int = 0


@dataclass(slots=True)
class _Stored:
    """What is stored of an entry, without its texts. sessions: by (offer's number, session's number)."""

    pk: int
    digest: str
    state: str
    offers: dict[str, tuple[int, bool]] = field(default_factory=dict)
    sessions: dict[tuple[str, str], Session] = field(default_factory=dict)


@dataclass(slots=True)
class _Plan:
    """What a batch of entries asks for."""

    created: list[Spooled] = field(default_factory=list)
    updated: list[tuple[Spooled, _Stored]] = field(default_factory=list)
    walks: list[Walk] = field(default_factory=list)
    guaranteed: list[int] = field(default_factory=list)
    removed_sessions: list[int] = field(default_factory=list)
    removed_offers: list[int] = field(default_factory=list)
    changes: list[SessionChange] = field(default_factory=list)


class EntryWriter:
    """Stores the entries of providers of one register."""

    def __init__(
        self, register: Register, *, actor: User, at: datetime, warnings: Problems, full: bool, dry_run: bool
    ) -> None:
        self._register = register
        self._actor = actor
        self._at = at
        self._warnings = warnings
        self._full = full
        self._dry_run = dry_run

    def write(self, name: str, spool: Spool, *, progress: Callable[[int], None]) -> Counts:
        """Store one provider's entries in one transaction: all of them, or after a crash none.

        Locks: provider, then micro-credentials and sessions batch by batch. Logs: each state written.
        """
        counts = Counts()
        with transaction.atomic():
            provider = self._provider(name)
            for batch in spool.batches(name, BATCH):
                stored = self._stored(provider, [entry.number for entry in batch])
                plan = self._plan(provider, batch, stored, counts)
                if not self._dry_run:
                    self._apply(provider, plan)
                progress(len(batch))
            if self._full and not provider._state.adding:
                self._delist_absent(provider, spool, counts)
        return counts

    # reading what is stored

    def _provider(self, name: str) -> Provider:
        found = Provider.objects.filter(register=self._register.code, external_id=name).first()
        if found is not None:
            if not self._dry_run:
                locks.acquire(locks.lock(Provider, found.pk))
            return found
        provider = Provider(
            register=self._register.code,
            external_id=name,
            country=country_of(self._register.code, name),
            time_zone=self._register.time_zone,
            created_at=self._at,
            updated_at=self._at,
        )
        if not self._dry_run:
            provider.save(force_insert=True)
            draft = Accreditation(provider=provider, authority=self._register.authority, created_at=self._at)
            fsm.start(draft, actor=self._actor, reason=REASON)
        return provider

    def _stored(self, provider: Provider, numbers: list[str]) -> dict[str, _Stored]:
        if provider._state.adding:
            return {}
        found = MicroCredential.objects.filter(provider=provider, external_id__in=numbers)
        found = found.only("external_id", "digest", "state")
        stored = {
            one.external_id: _Stored(one.pk, one.digest, one.state)
            for one in (found if self._dry_run else locks.acquire_set(found))
        }
        by_pk = {one.pk: one for one in stored.values()}
        offer_numbers: dict[int, str] = {}
        for pk, owner, number, removed_at in Offer.objects.filter(micro_credential__in=by_pk).values_list(
            "pk", "micro_credential_id", "external_id", "removed_at"
        ):
            offer_numbers[pk] = number
            by_pk[owner].offers[number] = (pk, removed_at is not None)
        sessions = Session.objects.filter(offer__in=list(offer_numbers)).defer("details").order_by("pk")
        for session in sessions:
            offer = offer_numbers[session.offer_id or 0]
            by_pk[session.micro_credential_id].sessions[offer, session.external_id] = session
        return stored

    # comparing

    def _plan(
        self, provider: Provider, batch: list[Spooled], stored: dict[str, _Stored], counts: Counts
    ) -> _Plan:
        plan = _Plan()
        held_back = self._held_back(stored.values())
        touched: list[tuple[Spooled, _Stored]] = []
        for entry in batch:
            known = stored.get(entry.number)
            if known is None:
                plan.created.append(entry)
                counts.created += 1
                continue
            wanted = rows.state_of(entry.status)
            steps = () if known.pk in held_back else CREDENTIAL_PATHS.get((known.state, wanted), ())
            if steps:
                plan.walks.append(Walk(known.pk, known.state, steps))
            guaranteed = self._guarantees(provider, entry, known)
            plan.guaranteed.extend(guaranteed)
            if known.digest != entry.digest:
                plan.updated.append((entry, known))
                touched.append((entry, known))
                counts.updated += 1
            elif steps or guaranteed:
                counts.updated += 1
            else:
                counts.unchanged += 1
        self._plan_sessions(provider, touched, plan)
        return plan

    def _held_back(self, stored: Iterable[_Stored]) -> set[int]:
        """Entries that an officer suspended or delisted: no list brings them back."""
        held: set[int] = set()
        for state in (CredentialState.SUSPENDED, CredentialState.DELISTED):
            ids = [one.pk for one in stored if one.state == state]
            if ids:
                moved_by = last_moved_by(MicroCredential, ids, state)
                held.update(pk for pk in ids if moved_by.get(pk) != self._actor.pk)
        return held

    def _guarantees(self, provider: Provider, entry: Spooled, known: _Stored) -> list[int]:
        given = []
        for offer, number, guaranteed in entry.guarantees:
            session = known.sessions.get((offer, number))
            if session is None:
                continue
            if guaranteed and session.state == SessionState.OPEN:
                given.append(session.pk)
            elif not guaranteed and session.guaranteed_at is not None:
                self._warn(
                    "guarantee_kept",
                    "a guarantee once given is kept",
                    provider,
                    entry.number,
                    line=entry.line,
                    field=f"{offer}/{number}/garantie",
                )
        return given

    def _plan_sessions(self, provider: Provider, touched: list[tuple[Spooled, _Stored]], plan: _Plan) -> None:
        ids = [session.pk for _, known in touched for session in known.sessions.values()]
        fresh = self._lock_sessions(ids)
        bookings = dict(SessionSeats.objects.filter(session__in=ids).values_list("session_id", "taken"))
        for entry, known in touched:
            told_sessions = {
                (offer.number, told.number): (offer, told)
                for offer in entry.data.offers
                for told in offer.sessions
            }
            told_offers = {offer.number for offer in entry.data.offers}
            plan.removed_offers += [
                pk
                for number, (pk, removed) in known.offers.items()
                if number not in told_offers and not removed
            ]
            for path, old in known.sessions.items():
                session = fresh.get(old.pk, old)
                taken = bookings.get(session.pk, 0)
                name = "/".join(path)
                if path in told_sessions:
                    offer, told = told_sessions[path]
                    new = rows.session(provider, offer, told, self._at)
                    plan.changes += self._changes(session, new, taken)
                    moved = self._moved(session, new)
                    if moved and taken:
                        self._warn_bookings(provider, entry, f"{name}/{moved}", taken, "its dates changed")
                elif session.removed_at is None:
                    plan.removed_sessions.append(session.pk)
                    plan.changes.append(self._change(session, ChangeKind.CLOSED, {}, {}, taken))
                    if taken:
                        self._warn_bookings(provider, entry, name, taken, "it is no longer listed")

    def _lock_sessions(self, ids: list[int]) -> dict[int, Session]:
        if self._dry_run or not ids:
            return {}
        # Locked before the seats are read: a booking accepted meanwhile is seen.
        return {one.pk: one for one in locks.acquire_set(Session.objects.filter(pk__in=ids))}

    def _changes(self, old: Session, new: Session, taken: int) -> list[SessionChange]:
        changes = []
        if self._moved(old, new):
            changes.append(self._change(old, ChangeKind.DATES, old.period, new.period, taken))
        if old.price_cents != new.price_cents:
            before, after = ({"price_cents": one.price_cents} for one in (old, new))
            changes.append(self._change(old, ChangeKind.PRICE, before, after, taken))
        was_closed = old.recruitment_closed or old.removed_at is not None
        if was_closed != new.recruitment_closed:
            kind = ChangeKind.CLOSED if new.recruitment_closed else ChangeKind.REOPENED
            changes.append(self._change(old, kind, {}, {}, taken))
        return changes

    def _moved(self, old: Session, new: Session) -> str | None:
        if old.starts_at != new.starts_at:
            return "debut"
        return "fin" if old.ends_at != new.ends_at else None

    def _change(
        self, session: Session, kind: ChangeKind, before: dict[str, Any], after: dict[str, Any], taken: int
    ) -> SessionChange:
        return SessionChange(
            session_id=session.pk,
            kind=kind,
            before=before,
            after=after,
            bookings=taken,
            actor=self._actor,
            at=self._at,
        )

    # writing

    def _apply(self, provider: Provider, plan: _Plan) -> None:
        created = MicroCredential.objects.bulk_create(
            [rows.credential(provider, one, self._at) for one in plan.created]
        )
        self._log_created(MicroCredential, created)
        by_fields: dict[tuple[str, ...], list[Spooled]] = {}
        for spooled, _ in plan.updated:
            by_fields.setdefault(rows.credential_fields(spooled), []).append(spooled)
        for fields, told in by_fields.items():
            MicroCredential.objects.bulk_create(
                [rows.credential(provider, one, self._at) for one in told],
                update_conflicts=True,
                unique_fields=["provider", "external_id"],
                update_fields=fields,
            )
        entries: list[tuple[int, Spooled, _Stored | None]] = [
            (one.pk, spooled, None) for one, spooled in zip(created, plan.created, strict=True)
        ]
        entries += [(known.pk, spooled, known) for spooled, known in plan.updated]
        store_descriptions(
            [(pk, spooled.data.description, known is not None) for pk, spooled, known in entries], at=self._at
        )
        self._store_offers(provider, entries)
        Session.objects.filter(pk__in=plan.removed_sessions).update(removed_at=self._at, updated_at=self._at)
        Offer.objects.filter(pk__in=plan.removed_offers).update(removed_at=self._at, updated_at=self._at)
        move_many(MicroCredential, plan.walks, actor=self._actor, at=self._at, reason=REASON)
        self._guarantee(plan.guaranteed)
        SessionChange.objects.bulk_create(plan.changes)

    def _store_offers(self, provider: Provider, entries: list[tuple[int, Spooled, _Stored | None]]) -> None:
        told = [(pk, offer, known) for pk, spooled, known in entries for offer in spooled.data.offers]
        offers = Offer.objects.bulk_create(
            [rows.offer(pk, offer, self._at) for pk, offer, _ in told],
            update_conflicts=True,
            unique_fields=["micro_credential", "external_id"],
            update_fields=rows.OFFER_FIELDS,
        )
        new: list[Session] = []
        old: list[Session] = []
        for stored, (pk, offer, known) in zip(offers, told, strict=True):
            for one in offer.sessions:
                session = rows.session(provider, offer, one, self._at)
                session.micro_credential_id = pk
                session.offer_id = stored.pk
                is_known = known is not None and (offer.number, one.number) in known.sessions
                (old if is_known else new).append(session)
        Session.objects.bulk_create(
            old,
            update_conflicts=True,
            unique_fields=["offer", "external_id"],
            update_fields=rows.SESSION_FIELDS,
        )
        created = Session.objects.bulk_create(new)
        SessionSeats.objects.bulk_create([SessionSeats(session_id=one.pk) for one in created])
        self._log_created(Session, created)

    def _log_created(self, model: type[fsm.Machine], created: Iterable[Any]) -> None:
        by_state: dict[str, list[int]] = {}
        for one in created:
            by_state.setdefault(one.state, []).append(one.pk)
        for state, ids in sorted(by_state.items()):
            log_moves(
                model, ids, "import", source="", target=state, actor=self._actor, at=self._at, reason=REASON
            )

    def _guarantee(self, ids: list[int]) -> None:
        locked = locks.acquire_set(Session.objects.filter(pk__in=ids, state=SessionState.OPEN)) if ids else []
        walks = [Walk(one.pk, SessionState.OPEN, ("guarantee",)) for one in locked]
        move_many(Session, walks, actor=self._actor, at=self._at, reason=REASON)

    # the complete catalogue

    def _delist_absent(self, provider: Provider, spool: Spool, counts: Counts) -> None:
        listed = MicroCredential.objects.filter(provider=provider).exclude(
            state__in=(CredentialState.DELISTED, CredentialState.DRAFT)
        )
        after = 0
        while True:
            page = list(
                listed.filter(pk__gt=after).order_by("pk").values_list("pk", "external_id", "state")[:BATCH]
            )
            if not page:
                return
            after = page[-1][0]
            absent = [row for row in page if not spool.holds(provider.external_id, row[1])]
            counts.delisted += len(absent)
            self._delist(provider, absent)

    def _delist(self, provider: Provider, absent: list[tuple[int, str, str]]) -> None:
        names = {pk: number for pk, number, _ in absent}
        if not self._dry_run and names:
            locks.acquire_set(MicroCredential.objects.filter(pk__in=names).only("pk", "state"))
            walks = [Walk(pk, state, ("delist",)) for pk, _, state in absent]
            move_many(
                MicroCredential, walks, actor=self._actor, at=self._at, reason="no longer in the catalogue"
            )
        booked = Session.objects.filter(micro_credential__in=names, seats__taken__gt=0).select_related(
            "seats", "offer"
        )
        changes = []
        for session in booked.order_by("micro_credential__external_id", "pk"):
            path = (
                f"{session.offer.external_id}/{session.external_id}" if session.offer else session.external_id
            )
            taken = session.seats.taken
            changes.append(self._change(session, ChangeKind.CLOSED, {}, {}, taken))
            self._warn(
                "has_bookings",
                f"{taken} live bookings go on although it is no longer listed",
                provider,
                names[session.micro_credential_id],
                line=None,
                field=path,
            )
        if not self._dry_run:
            SessionChange.objects.bulk_create(changes)

    # saying so

    def _warn_bookings(self, provider: Provider, entry: Spooled, field_: str, taken: int, what: str) -> None:
        message = f"{what}, and {taken} live bookings are on it"
        self._warn("has_bookings", message, provider, entry.number, line=entry.line, field=field_)

    def _warn(
        self, code: str, message: str, provider: Provider, number: str, *, line: int | None, field: str
    ) -> None:
        entry = f"{provider.external_id}/{number}"
        self._warnings.add(Problem(code, message, line=line, entry=entry, field=field))
