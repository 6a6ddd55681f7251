"""Storing a register: who the providers are, and whether they are accredited."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from accounts.models import User
from catalogue.importing.problems import Problem, Problems
from catalogue.importing.registers import RegisterRow
from catalogue.models import Accreditation, AccreditationState, MicroCredential, Provider
from catalogue.models.accreditations import LIVE_STATES
from catalogue.registers import Register
from catalogue.services.accreditations import validity
from catalogue.services.imports.moves import ACCREDITATION_PATHS, Walk, last_moved_by, log_moves, move_many
from catalogue.services.imports.rows import codes_of
from catalogue.services.micro_credentials import search_text_of
from ila.core import fsm, locks

S = AccreditationState
BATCH = 1000
REASON = "register import"


@dataclass(slots=True)
class Standing:
    """Whether a provider is accredited, as far as one register knows. Days included; None: no limit."""

    state: str
    valid_from: date | None
    valid_until: date | None

    def holds_on(self, day: date) -> bool:
        """Whether it covers that day."""
        if self.state != S.ACCREDITED:
            return False
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


@dataclass(slots=True)
class _Change:
    """What one row of the register asks of what is stored. live: the accreditation it speaks of."""

    row: RegisterRow
    provider: Provider | None
    live: Accreditation | None
    create: bool
    steps: tuple[str, ...]
    standing: Standing


class RegisterWriter:
    """Brings stored providers and accreditations in line with a register."""

    def __init__(self, register: Register, *, actor: User, at: datetime, dry_run: bool) -> None:
        self._register = register
        self._actor = actor
        self._at = at
        self._dry_run = dry_run
        self.standings: dict[str, Standing] = {}

    def apply(self, rows: Mapping[str, RegisterRow], *, full: bool) -> None:
        """Store the register in one transaction.

        full: providers with an accreditation of this authority that are not in the register are suspended.
        """
        with transaction.atomic():
            names = list(rows)
            for start in range(0, len(names), BATCH):
                self._apply_batch([rows[name] for name in names[start : start + BATCH]])
            if full:
                self._suspend_dropped(rows)

    def warn(self, rows: Mapping[str, RegisterRow], warnings: Problems) -> None:
        """Say what was repaired or is missing in the register's rows."""
        for row in rows.values():
            if row.zip_restored:
                message = f"ZIP {row.postcode[1:]} is read as {row.postcode}"
                warnings.add(Problem("zip_restored", message, entry=row.provider, field="zip"))
            if not row.name:
                message = "the register gives no name: not bookable"
                warnings.add(Problem("name_missing", message, entry=row.provider, field="name"))

    def accredited_on(self, names: Iterable[str], day: date) -> set[str]:
        """Those of the providers that are accredited that day, this call's register taken into account."""
        wanted = list(names)
        found = {name for name in wanted if name in self.standings and self.standings[name].holds_on(day)}
        for start in range(0, len(wanted), BATCH):
            stored = Accreditation.objects.filter(
                provider__register=self._register.code,
                provider__external_id__in=wanted[start : start + BATCH],
                state=S.ACCREDITED,
            ).values_list("provider__external_id", "authority", "valid_from", "valid_until")
            for name, authority, valid_from, valid_until in stored:
                known_better = name in self.standings and authority == self._register.authority
                if not known_better and Standing(S.ACCREDITED, valid_from, valid_until).holds_on(day):
                    found.add(name)
        return found

    def _apply_batch(self, rows: list[RegisterRow]) -> None:
        names = [row.provider for row in rows]
        stored = Provider.objects.filter(register=self._register.code, external_id__in=names)
        providers = {provider.external_id: provider for provider in stored}
        if not self._dry_run:
            providers = self._store_providers(rows, providers)
        mine = Accreditation.objects.filter(
            authority=self._register.authority, provider__in=[one.pk for one in providers.values()]
        )
        accreditations = list(mine) if self._dry_run else locks.acquire_set(mine)
        changes = self._plan(rows, providers, accreditations)
        for change in changes:
            self.standings[change.row.provider] = change.standing
        if not self._dry_run:
            self._store_accreditations(changes)

    def _plan(
        self, rows: list[RegisterRow], providers: Mapping[str, Provider], accreditations: list[Accreditation]
    ) -> list[_Change]:
        live = {one.provider_id: one for one in accreditations if one.state in LIVE_STATES}
        taken_away = {one.provider_id for one in accreditations if one.state in (S.REFUSED, S.WITHDRAWN)}
        suspended = [one.pk for one in live.values() if one.state == S.SUSPENDED]
        suspended_by = last_moved_by(Accreditation, suspended, S.SUSPENDED)
        changes = []
        for row in rows:
            provider = providers.get(row.provider)
            found = live.get(provider.pk) if provider is not None else None
            if found is None:
                # What an officer refused or withdrew does not come back by a list.
                create = provider is None or provider.pk not in taken_away
                state = str(row.state if create else S.WITHDRAWN)
                changes.append(
                    _Change(row, provider, None, create, (), Standing(state, row.valid_from, row.valid_until))
                )
                continue
            steps = ACCREDITATION_PATHS.get((found.state, row.state), ())
            if found.state == S.SUSPENDED and suspended_by.get(found.pk) != self._actor.pk:
                steps = ()  # suspended by an officer: the officer resumes
            state = _after(found.state, steps)
            changes.append(
                _Change(row, provider, found, False, steps, Standing(state, row.valid_from, row.valid_until))
            )
        return changes

    def _store_providers(
        self, rows: list[RegisterRow], providers: dict[str, Provider]
    ) -> dict[str, Provider]:
        fields = ("name", "city", "region", "postcode", "details")
        changed: list[Provider] = []
        renamed: list[int] = []
        for row in rows:
            told = {
                "name": row.name,
                "city": row.city,
                "region": row.region,
                "postcode": row.postcode,
                "details": row.details,
            }
            known = providers.get(row.provider)
            if known is not None and all(getattr(known, name) == told[name] for name in fields):
                continue
            if known is not None and known.name != row.name:
                renamed.append(known.pk)
            changed.append(
                Provider(
                    register=self._register.code,
                    external_id=row.provider,
                    country=self._register.country,
                    time_zone=self._register.time_zone,
                    created_at=self._at,
                    updated_at=self._at,
                    **told,
                )
            )
        stored = Provider.objects.bulk_create(
            sorted(changed, key=lambda one: one.external_id),
            update_conflicts=True,
            unique_fields=["register", "external_id"],
            update_fields=[*fields, "updated_at"],
        )
        self._refresh_search(renamed)
        return providers | {one.external_id: one for one in stored}

    def _refresh_search(self, providers: list[int]) -> None:
        found = MicroCredential.objects.filter(provider__in=providers).select_related(
            "provider", "description"
        )
        batch: list[MicroCredential] = []
        for one in found.prefetch_related("offers").order_by("pk").iterator(chunk_size=200):
            places = [f"{o.city} {o.postcode}" for o in one.offers.all()]
            codes = codes_of(getattr(one, "description", None))
            one.search_text = search_text_of(one, one.provider, [*places, *codes])
            batch.append(one)
            if len(batch) == 200:
                MicroCredential.objects.bulk_update(batch, ["search_text"])
                batch = []
        MicroCredential.objects.bulk_update(batch, ["search_text"])

    def _store_accreditations(self, changes: list[_Change]) -> None:
        providers = dict(
            Provider.objects.filter(
                register=self._register.code, external_id__in=[change.row.provider for change in changes]
            ).values_list("external_id", "pk")
        )
        created = [
            Accreditation(
                provider_id=providers[change.row.provider],
                authority=self._register.authority,
                valid_from=change.row.valid_from,
                valid_until=change.row.valid_until,
                state=change.row.state,
                created_at=self._at,
                submitted_at=self._at if change.row.state == S.SUBMITTED else None,
                accredited_at=self._at if change.row.state == S.ACCREDITED else None,
                suspended_at=self._at if change.row.state == S.SUSPENDED else None,
            )
            for change in changes
            if change.create
        ]
        self._create(created)
        amended = [change for change in changes if change.live is not None and self._amend(change)]
        log = [
            fsm.log_row(
                change.live,
                "amend",
                source=change.live.state,
                actor=self._actor,
                reason=REASON,
                data={"before": before, "after": validity(change.live)},
            )
            for change, before in ((one, self._replace_days(one)) for one in amended)
            if change.live is not None
        ]
        fsm.bulk_log(log, model=Accreditation.log_model)
        Accreditation.objects.bulk_update(
            [change.live for change in amended if change.live is not None],
            ["valid_from", "valid_until"],
            batch_size=200,
        )
        walks = [
            Walk(change.live.pk, change.live.state, change.steps)
            for change in changes
            if change.live is not None
        ]
        move_many(Accreditation, walks, actor=self._actor, at=self._at, reason=REASON)

    def _create(self, accreditations: list[Accreditation]) -> None:
        stored = Accreditation.objects.bulk_create(accreditations)
        by_state: dict[str, list[int]] = {}
        for one in stored:
            by_state.setdefault(one.state, []).append(one.pk)
        for state, ids in by_state.items():
            log_moves(
                Accreditation,
                ids,
                "record",
                source="",
                target=state,
                actor=self._actor,
                at=self._at,
                reason=REASON,
            )

    def _amend(self, change: _Change) -> bool:
        live = change.live
        return live is not None and (live.valid_from, live.valid_until) != (
            change.row.valid_from,
            change.row.valid_until,
        )

    def _replace_days(self, change: _Change) -> list[str | None]:
        live = change.live
        if live is None:
            return []
        before = validity(live)
        live.valid_from, live.valid_until = change.row.valid_from, change.row.valid_until
        return before

    def _suspend_dropped(self, rows: Mapping[str, RegisterRow]) -> None:
        stored = Accreditation.objects.filter(
            authority=self._register.authority, provider__register=self._register.code, state=S.ACCREDITED
        ).select_related("provider")
        dropped = [one for one in stored if one.provider is not None and one.provider.external_id not in rows]
        for one in dropped:
            if one.provider is not None:
                self.standings[one.provider.external_id] = Standing(
                    S.SUSPENDED, one.valid_from, one.valid_until
                )
        if not self._dry_run:
            ids = [one.pk for one in dropped]
            locked = locks.acquire_set(Accreditation.objects.filter(pk__in=ids, state=S.ACCREDITED))
            walks = [Walk(one.pk, one.state, ("suspend",)) for one in locked]
            move_many(
                Accreditation, walks, actor=self._actor, at=self._at, reason="no longer in the register"
            )


def _after(state: str, steps: tuple[str, ...]) -> str:
    for step in steps:
        state = {"submit": S.SUBMITTED, "review": S.IN_REVIEW, "suspend": S.SUSPENDED}.get(step, S.ACCREDITED)
    return state
