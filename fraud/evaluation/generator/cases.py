"""What every case of misuse has: a campaign with a beginning, batches, disguise, and what it takes."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fraud.evaluation.generator.basis import DAY, HOUR, Array
from fraud.evaluation.generator.dials import ARCHETYPES, Dials
from fraud.evaluation.generator.honest import balance
from fraud.evaluation.generator.lifecycle import Rows, blank_rows, run
from fraud.evaluation.generator.offer import Offer, Session, open_session
from fraud.evaluation.generator.people import World

_SHORTEST, _STRETCH = 21, 165  # days of a campaign


@dataclass
class Batch:
    """Some bookings made in one sitting; `disguised` says which of them are given an honest look."""

    moment: int
    many: int
    adapted: bool


@dataclass
class Case:
    world: World
    offer: Offer
    dials: Dials
    archetype: str
    providers: list[int]
    rng: np.random.Generator
    pool: list[int]
    base: int = 70
    begin: int = 0
    days: int = 0
    hold_at: int = 0
    rows: list[Rows] = field(default_factory=list)
    lost: list[Array] = field(default_factory=list)
    # Of each firm: the first row that names it, or somebody it used, for the misuse.
    first_rows: dict[int, int] = field(default_factory=dict)
    _kept: dict[str, int] = field(default_factory=dict)
    _moved: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        world, rng = self.world, self.rng
        self.days = int((_SHORTEST + _STRETCH * self.dials.patience) * rng.uniform(0.8, 1.25))
        room = max(30, (world.end - world.start) // DAY - self.days - 25)
        opened = max(int(world.providers.accredited[k]) for k in self.providers)
        earliest = max(world.start + 35 * DAY, opened + 30 * DAY)
        latest = world.start + room * DAY
        day = earliest + int(rng.random() * max(DAY, latest - earliest))
        self.begin = day // DAY * DAY
        self.hold_at = self.begin + int(rng.uniform(25, 80)) * DAY

    @property
    def first_provider(self) -> int:
        return self.providers[0]

    def now(self, adapted: bool) -> Dials:
        """The dials as they stand: after the first hold the careful ones disguise everything."""
        if not adapted:
            return self.dials
        a = self.dials.adaptation
        return replace(
            self.dials,
            camouflage=self.dials.camouflage + a * (1 - self.dials.camouflage),
            rotation=self.dials.rotation + a * (1 - self.dials.rotation),
        )

    def batches(self, low: int, high: int) -> Iterator[Batch]:
        """Sittings over the campaign, small ones first; fewer after the first hold."""
        left = max(6, round(self.base * self.dials.intensity * float(self.rng.lognormal(0, 0.3))))
        sizes = []
        while left > 0:
            sizes.append(min(left, int(self.rng.integers(low, high + 1))))
            left -= sizes[-1]
        sizes.sort(key=lambda size: size + float(self.rng.normal(0, 4)))
        span = np.sort(self.rng.beta(1.3, 1.0, len(sizes))) * self.days
        for size, day in zip(sizes, span.tolist(), strict=True):
            clock = int(float(np.clip(self.rng.normal(14, 3.5), 6.5, 22)) * HOUR)
            moment = self.begin + int(day) * DAY + clock
            adapted, many = moment > self.hold_at, size
            if adapted:
                many = max(1, round(size * (1 - 0.5 * self.dials.adaptation)))
                self.move_account(moment)
            if moment < self.world.end - DAY:
                yield Batch(moment, many, adapted)

    def move_account(self, moment: int) -> None:
        """Another bank account after a hold, once per firm."""
        provider = self.first_provider
        if provider in self._moved or self.rng.random() > self.dials.adaptation:
            return
        self._moved.add(provider)
        self.change_provider(provider, "iban", self.world.names.one("iban"), moment)

    def change_provider(self, provider: int, name: str, new: int, moment: int, device: int = 0) -> None:
        firms = self.world.providers
        self.world.sink.add(
            "contact_changes", subject_kind="provider", subject_id=int(firms.codes[provider]), field=name,
            old_hash=int(getattr(firms, name)[provider]), new_hash=new, at=moment,
            device_hash=device or self.world.names.one("device"), recorded_at=moment + 1,
        )  # fmt: skip

    def tool(self, kind: str, adapted: bool, usual: int = 0) -> int:
        """An address or device of the misuser: the one at hand, or a fresh one as often as the dial says."""
        if kind not in self._kept or self.rng.random() < self.now(adapted).rotation:
            fresh = kind in self._kept or not usual
            self._kept[kind] = self.world.names.one(kind) if fresh else usual
        return self._kept[kind]

    def victims(self, many: int, moment: int, least: int = 20_000) -> list[int]:
        """Account holders nobody has used so far, with money."""
        people = self.world.learners
        found: list[int] = []
        for learner in list(self.pool):
            if len(found) == many:
                break
            if (
                int(people.registered[learner]) < moment - DAY
                and balance(self.world, learner, moment) >= least
            ):
                found.append(learner)
                self.pool.remove(learner)
        return found

    def session(
        self,
        moment: int,
        *,
        mode: str,
        pattern: str = "full_days",
        lead: tuple[int, int] = (7, 32),
        **more: Any,
    ) -> int:
        """A session some weeks after the booking; its place in the list."""
        mine = self.offer.of_provider[more.pop("provider", self.first_provider)]
        credential = more.pop("credential", mine[int(self.rng.integers(0, len(mine)))])
        day = moment // DAY * DAY + int(self.rng.integers(*lead)) * DAY
        session = open_session(
            self.world, self.offer, self.rng, credential=credential, day=day, pattern=pattern,
            seats=more.pop("seats", 30), mode=mode,
            careful=more.pop("careful", self.rng.random() < 0.5 + 0.5 * self.dials.camouflage),
        )  # fmt: skip
        session.published = min(session.published, moment - DAY)
        return len(self.offer.sessions) - 1

    def raise_price(self, provider: int, near: float) -> int:
        """The firm's dearest course at a price near its cap from the campaign on; the credential."""
        mine = self.offer.of_provider[provider]
        # Long training under the highest caps takes examinations; what is quick to fake stands below.
        best = max(mine, key=lambda k: (self.offer.kind[k] != "rncp", self.offer.cap(k, self.begin), k))
        price = max(int(self.offer.price[best]), int(self.offer.cap(best, self.begin) * near) // 100 * 100)
        if self.rng.random() < 1 - self.dials.camouflage / 2:
            self.world.sink.add(
                "prices", credential_id=int(self.offer.codes[best]), price_cents=price,
                private_price_cents=int(price * self.rng.uniform(0.55, 0.9)) // 100 * 100,
                valid_from=self.begin - 12 * DAY, recorded_at=self.begin - 12 * DAY,
            )  # fmt: skip
            self._kept[f"price {best}"] = price
        return best

    def price(self, session: Session) -> int:
        return self._kept.get(f"price {session.credential}", int(self.offer.price[session.credential]))

    def book(self, learners: list[int], session: int, created: Array) -> Rows:
        """Rows of bookings that cost the learners' public money; the own part is never collected."""
        rows, world = blank_rows(len(learners)), self.world
        held, people = self.offer.sessions[session], world.learners
        rows["learner"] = np.array(learners, dtype=np.int64)
        rows["session"][:] = session
        rows["created"] = np.minimum(created, held.first - 2 * HOUR)
        price = self.price(held)
        for k, learner in enumerate(learners):
            moment = int(rows["created"][k])
            cents = max(
                0, min(price, self.offer.cap(held.credential, moment), balance(world, learner, moment))
            )
            people.spent[learner] += cents
            rows["amount"][k], rows["own"][k] = cents, price - cents
        rows["ip"], rows["device"] = people.ip[rows["learner"]], people.device[rows["learner"]]
        rows["consent_ip"], rows["consent_device"] = rows["ip"], rows["device"]
        return rows

    def disguised(self, count: int, adapted: bool) -> Array:
        return self.rng.random(count) < self.now(adapted).camouflage

    def keep(self, rows: Rows, share: float = 1.0) -> None:
        """These bookings belong to the case; `share` of their amount is lost."""
        good = rows["amount"] > 0
        rows = {name: values[good] for name, values in rows.items()}
        if len(rows["learner"]):
            self.rows.append(rows)
            self.lost.append((rows["amount"] * share).astype(np.int64))

    def mark(self, moment: int, provider: int = -1) -> None:
        """Misuse has left a row at that moment, at the first firm unless told."""
        index = self.first_provider if provider < 0 else provider
        self.first_rows[index] = min(moment, self.first_rows.get(index, moment))

    def finish(self) -> None:
        """Write the bookings with all that follows, and their labels."""
        if not self.rows:
            return
        world, firms = self.world, self.world.providers
        rows = {name: np.concatenate([part[name] for part in self.rows]) for name in self.rows[0]}
        lost = np.concatenate(self.lost)
        codes = run(world, self.offer, self.rng, rows)
        world.sink.add(
            "labels", subject_kind="booking", subject_id=codes, archetype=self.archetype, started_at=rows["created"],
            amount_cents=lost, recorded_at=rows["created"],
        )  # fmt: skip
        provider = np.array([self.offer.sessions[k].provider for k in rows["session"].tolist()])
        for index in sorted(set(provider.tolist())):
            mine = (provider == index) & (rows["created"] <= world.end)
            if not mine.any():
                continue
            began = int(rows["created"][mine].min())
            began = min(began, self.first_rows.get(index, began))
            world.sink.add(
                "labels", subject_kind="provider", subject_id=int(firms.codes[index]), archetype=self.archetype,
                started_at=began, amount_cents=int(lost[mine].sum()), recorded_at=began,
            )  # fmt: skip


def pools(world: World) -> dict[str, list[int]]:
    """Accounts that no honest part uses, disjoint by archetype, so that one case never takes from another."""
    people = world.learners
    rng = world.streams.of("pools")
    order = rng.permutation(len(people.codes))
    idle = [k for k in order.tolist() if not people.reserved[k] and k not in people.days]
    kept = [k for k in order.tolist() if people.reserved[k]]
    found: dict[str, list[int]] = {name: [] for name in ARCHETYPES}
    for place, learner in enumerate(idle):
        found[("A1", "A4", "A2", "A6")[place % 4]].append(learner)
    for place, learner in enumerate(kept):
        found[("A3", "A5")[place % 2]].append(learner)
    return found
