"""Honest life: seasons, firms of many kinds, learners who come, stay away, or think again."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from fraud.evaluation.generator.basis import DAY, HOUR, MINUTE, NEVER, Array
from fraud.evaluation.generator.lifecycle import (
    CALLED_OFF,
    CANCELLED,
    DONE,
    LAPSED,
    LEFT,
    NO_SHOW,
    OWN_DEVICE,
    PAPER,
    TABLET,
    Rows,
    blank_rows,
    run,
)
from fraud.evaluation.generator.offer import ACCOUNT_CAP, YEARLY_CREDIT, Offer, Session, open_session
from fraud.evaluation.generator.people import World

_BOOKINGS_PER_LEARNER = 1.35
_MONTHS = (1.2, 1.1, 1.3, 1.0, 1.0, 1.0, 0.55, 0.3, 1.4, 1.4, 1.2, 0.6)
# By style: mean bookings of a session, its ways, seats.
_WAYS = {
    "classroom": (6.0, ("full_days", "mornings", "weekly", "evenings"), 14),
    "agent_fed": (7.0, ("full_days", "mornings", "weekly"), 14),
    "employer_fed": (8.0, ("full_days", "mornings"), 14),
    "one_course": (7.5, ("full_days", "weekly", "evenings"), 14),
    "tiny": (3.0, ("evenings", "weekly", "mornings"), 8),
    "online_bulk": (40.0, ("online",), 150),
}
_LEAST_PUBLIC = 5_000


@dataclass
class Asked:
    """One booking as it was asked for."""

    learner: int
    session: int
    created: int
    actor: str
    agent: int = -1
    employer: int = -1
    note: str = ""


def jan_firsts(registered: Array, moment: Array | int) -> Array:
    """How many yearly credits lie between two moments."""
    years = np.asarray(moment).astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64)
    since = registered.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64)
    passed: Array = np.maximum(0, years - since)
    return passed


def balance(world: World, learner: int, moment: int) -> int:
    """Public money the learner could still book with, in cents."""
    people = world.learners
    years = int(jan_firsts(people.registered[learner : learner + 1], moment)[0])
    credited = min(ACCOUNT_CAP, int(people.opening[learner]) + years * YEARLY_CREDIT)
    return credited - int(people.spent[learner])


def write_credits(world: World) -> None:
    """What was there at registration, and each January since."""
    people = world.learners
    opened = people.registered + 5
    after = np.int64(5 * 365 * DAY)
    plain = {"source": "rights"}
    world.sink.add(
        "credits",
        learner_id=people.codes,
        amount_cents=people.opening,
        at=opened,
        expires_at=opened // DAY * DAY + after,
        recorded_at=opened,
        **plain,
    )
    last = int(np.int64(world.end).astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64))
    for year in range(last - 4, last + 1):
        moment = int(np.datetime64(year, "Y").astype("datetime64[s]").astype(np.int64))
        here = people.registered < moment
        before = people.opening + jan_firsts(people.registered, moment - DAY) * YEARLY_CREDIT
        cents = np.minimum(YEARLY_CREDIT, ACCOUNT_CAP - before)
        here &= cents > 0
        world.sink.add(
            "credits",
            learner_id=people.codes[here],
            amount_cents=cents[here],
            at=np.full(int(here.sum()), moment),
            expires_at=np.full(int(here.sum()), moment + 5 * 365 * DAY) // DAY * DAY,
            recorded_at=np.full(int(here.sum()), moment + 60),
            **plain,
        )


def plan_sessions(world: World, offer: Offer) -> None:
    """Each firm's sessions over the seasons."""
    rng, firms = world.streams.of("sessions"), world.providers
    months = np.arange(np.datetime64(world.start, "s"), np.datetime64(world.end + 80 * DAY, "s"), DAY)
    days = months.astype(np.int64)
    season = np.array(_MONTHS)[months.astype("datetime64[M]").astype(np.int64) % 12]
    season[-70:] *= 0.7
    total = _BOOKINGS_PER_LEARNER * len(world.learners.codes)
    shares = firms.weight / firms.weight.sum()
    for index in range(len(firms.codes)):
        style, role = firms.style[index], firms.role[index]
        if style == "silent":
            continue
        mean, ways, seats = _WAYS[style]
        wanted = total * min(0.06, float(shares[index]))
        begin = max(world.start + 12 * DAY, int(firms.accredited[index]) + 12 * DAY)
        open_days = days >= begin
        if not open_days.any():
            continue
        odds = season * open_days
        if role == "launch_spike":
            odds = odds * np.where(days < begin + 45 * DAY, 8.0, 0.5)
        many = max(1, round(wanted / mean * float(open_days.mean())))
        mine = offer.of_provider[index]
        liked = rng.dirichlet(np.full(len(mine), 1.2))
        for day in rng.choice(days, p=odds / odds.sum(), size=many).tolist():
            way = "bootcamp" if role == "bootcamp" else str(ways[int(rng.integers(0, len(ways)))])
            mode = "online" if way == "online" else "blended" if rng.random() < 0.08 else "in_person"
            if mode == "in_person" and style == "one_course" and rng.random() < 0.2:
                way, mode = "online", "online"
            session = open_session(
                world, offer, rng, credential=mine[int(rng.choice(len(mine), p=liked))], day=day, pattern=way,
                seats=seats, mode=mode,
            )  # fmt: skip
            if rng.random() < 0.04:
                session.cancelled_at = session.first - int(12 * 24 * rng.beta(1, 2.5)) * HOUR


class Demand:
    """Learners looking for a place, session by session."""

    def __init__(self, world: World, offer: Offer) -> None:
        self.world, self.offer = world, offer
        self.rng = world.streams.of("demand")
        people = world.learners
        count = len(people.codes)
        keen = self.rng.lognormal(0, 1.1, count) * ~people.reserved
        self.everybody = np.cumsum(keen) / keen.sum()
        self.towns = []
        for town in range(len(world.town_lat)):
            mine = np.flatnonzero(people.town == town)
            weights = keen[mine]
            self.towns.append((mine, np.cumsum(weights) / max(1e-9, weights.sum())))
        sizes = world.streams.of("employer sizes").lognormal(0, 1, len(world.employers))
        employed = self.rng.random(count) < 0.55
        firm = self.rng.choice(len(sizes), p=sizes / sizes.sum(), size=count)
        self.employer = np.where(employed & ~people.reserved, firm, -1)
        self.staff = [np.flatnonzero(self.employer == k) for k in range(len(sizes))]
        self.asked: list[Asked] = []
        self.amounts: list[tuple[int, int]] = []
        self.seated: Counter[int] = Counter()

    def pool(self, session: Session, many: int) -> list[int]:
        """Learners who might take a place: neighbours of the classroom, everybody online."""
        if session.mode == "online":
            return [int(k) for k in np.searchsorted(self.everybody, self.rng.random(many))]
        near, odds = self.towns[int(self.world.providers.town[session.provider])]
        here = (
            near[np.searchsorted(odds, self.rng.random(many)).clip(0, len(near) - 1)] if len(near) else near
        )
        far = np.searchsorted(self.everybody, self.rng.random(many))
        if not len(near):
            return [int(k) for k in far]
        return [int(k) for k in np.where(self.rng.random(many) < 0.93, here, far)]

    def lead(self, session: Session) -> int:
        """When somebody asks for a place: weeks before, and in December for what begins in the new year."""
        lead = float(np.clip(self.rng.lognormal(2.95, 0.7), 1.6, 95)) * DAY
        moment = session.first - int(lead)
        month = (
            int(np.int64(session.first).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)) % 12
        )
        if month in {0, 1} and self.rng.random() < 0.4:
            year = np.int64(session.first).astype("datetime64[s]").astype("datetime64[Y]")
            turn = int(year.astype("datetime64[s]").astype(np.int64))
            moment = min(session.first - 2 * DAY, turn - int(self.rng.beta(1, 2) * 24 * DAY))
        hour = float(np.clip(self.rng.normal(16, 4.2), 5.2, 22.8))
        return moment // DAY * DAY + int(hour * HOUR) + int(self.rng.integers(0, 60))

    def take(self, learner: int, index: int, created: int) -> bool:
        """Whether the learner is free, registered and has money; if so, the place is theirs."""
        world, session = self.world, self.offer.sessions[index]
        people = world.learners
        if not (max(world.start, int(people.registered[learner]) + HOUR) <= created < session.first - HOUR):
            return False
        if created > world.end or created < session.published + HOUR or created < self.open_from(session):
            return False
        if self.seated[index] >= session.seats or people.reserved[learner]:
            return False
        sits = people.days.get(learner, set())
        if not sits.isdisjoint(session.days):
            return False
        price = int(self.offer.price[session.credential])
        public = min(price, self.offer.cap(session.credential, created), balance(world, learner, created))
        if public < max(_LEAST_PUBLIC, price // 5):
            return False
        people.spent[learner] += public
        people.days.setdefault(learner, set()).update(session.days)
        self.seated[index] += 1
        self.amounts.append((public, price - public))
        return True

    def open_from(self, session: Session) -> int:
        return int(self.world.providers.accredited[session.provider]) + DAY

    def add(self, asked: Asked) -> bool:
        if not self.take(asked.learner, asked.session, asked.created):
            return False
        self.asked.append(asked)
        return True

    def fill(self, index: int) -> None:
        """Ordinary demand for one session, by the kind of firm."""
        rng, world, session = self.rng, self.world, self.offer.sessions[index]
        firms = world.providers
        style = firms.style[session.provider]
        spike = firms.role[session.provider] in {"launch_spike", "cap_price"}
        many = min(session.seats, int(rng.poisson(_WAYS[style][0] * (1.5 if spike else 1.0))))
        pool = self.pool(session, 3 * many + 4)
        if style == "employer_fed" and rng.random() < 0.6:
            self.by_employer(index, many, note="")
            return
        agents = firms.agents[session.provider]
        placed = 0
        for learner in dict.fromkeys(pool):
            if placed >= many:
                break
            asked = Asked(learner, index, self.lead(session), "learner")
            if agents and rng.random() < 0.65:
                asked.actor, asked.agent = "agent", agents[int(rng.integers(0, len(agents)))]
            elif rng.random() < 0.07:
                asked.actor = "provider"
            placed += self.add(asked)

    def by_employer(self, index: int, many: int, *, note: str, employer: int = -1) -> int:
        """An employer books for its people in one sitting."""
        rng, session = self.rng, self.offer.sessions[index]
        if employer < 0:
            sizes = [len(staff) for staff in self.staff]
            employer = int(rng.choice(len(sizes), p=np.array(sizes) / sum(sizes)))
        moment = self.lead(session) // DAY * DAY + int(rng.integers(8 * 60, 15 * 60)) * MINUTE
        placed = 0
        for learner in rng.permutation(self.staff[employer])[: 3 * many].tolist():
            if placed >= many:
                break
            moment += int(rng.integers(8, 70))
            placed += self.add(Asked(learner, index, moment, "employer", employer=employer, note=note))
        return placed


def live(world: World, offer: Offer, demand: Demand) -> tuple[Rows, Array]:
    """Give every request its addresses, devices, consent and course; the rows and the codes of the bookings."""
    rng = world.streams.of("honest life")
    asked, count = demand.asked, len(demand.asked)
    people, firms = world.learners, world.providers
    rows = blank_rows(count)
    learner = rows["learner"] = np.array([a.learner for a in asked], dtype=np.int64)
    rows["session"] = np.array([a.session for a in asked], dtype=np.int64)
    rows["created"] = np.array([a.created for a in asked], dtype=np.int64)
    rows["actor"] = np.array([a.actor for a in asked], dtype=object)
    rows["amount"] = np.array([cents[0] for cents in demand.amounts], dtype=np.int64)
    rows["own"] = np.array([cents[1] for cents in demand.amounts], dtype=np.int64)
    agent = np.array([a.agent for a in asked])
    employer = np.array([a.employer for a in asked])
    provider = np.array([offer.sessions[a.session].provider for a in asked])
    first = np.array([offer.sessions[a.session].first for a in asked])
    by_agent, by_employer = rows["actor"] == "agent", rows["actor"] == "employer"
    rows["agent"] = np.where(by_agent, world.agents[agent], 0)
    sent = rng.random(count) < 0.25
    rows["employer"] = np.where(
        by_employer, world.employers[employer],
        np.where(sent & (demand.employer[learner] >= 0), world.employers[demand.employer[learner]], 0),
    )  # fmt: skip
    own_ip, own_device = people.ip[learner], people.device[learner]
    # At work, with friends, on a borrowed computer.
    away = rng.random(count) < 0.12
    own_ip = np.where(away, world.names.new("ip", count), own_ip)
    borrowed = rng.random(count) < 0.06
    own_device = np.where(borrowed, world.names.new("device", count), own_device)
    office = by_agent & (rng.random(count) < 0.8)
    rows["ip"], rows["device"] = own_ip.copy(), own_device.copy()
    for mask, ip, device in (
        (office, world.agent_ip[agent], world.agent_device[agent]),
        (by_employer, world.employer_ip[employer], world.employer_device[employer]),
        (rows["actor"] == "provider", firms.ip[provider], firms.device[provider]),
    ):
        rows["ip"] = np.where(mask, ip, rows["ip"])
        rows["device"] = np.where(mask, device, rows["device"])
    self_made = rows["actor"] == "learner"
    wait = (
        np.where(self_made, rng.exponential(4 * MINUTE, count), rng.exponential(1.3 * DAY, count)).astype(
            np.int64
        )
        + 20
    )
    rows["consent_at"] = np.minimum(rows["created"] + wait, first - 30 * MINUTE)
    # In the agent's office, on the agent's tablet: allowed, and frequent.
    there = office & (rng.random(count) < 0.22)
    rows["consent_at"] = np.where(there, rows["created"] + rng.integers(40, 900, count), rows["consent_at"])
    rows["consent_ip"] = np.where(there, rows["ip"], own_ip)
    rows["consent_device"] = np.where(there, rows["device"], own_device)
    _courses(world, offer, rng, rows, provider, first)
    for k, a in enumerate(asked):
        if a.note.startswith("at:"):
            # One address for all: everything is done there.
            ip, device = (int(word) for word in a.note[3:].split(","))
            rows["ip"][k] = rows["consent_ip"][k] = ip
            rows["device"][k] = rows["consent_device"][k] = device
    return rows, run(world, offer, rng, rows)


def _courses(
    world: World, offer: Offer, rng: np.random.Generator, rows: Rows, provider: Array, first: Array
) -> None:
    count = len(provider)
    firms = world.providers
    off = np.array([offer.sessions[k].cancelled_at != NEVER for k in rows["session"].tolist()], dtype=bool)
    fate = rng.choice(
        [DONE, CANCELLED, NO_SHOW, LAPSED, LEFT], p=[0.82, 0.06, 0.045, 0.02, 0.055], size=count
    )
    fate = np.where(off & (fate != CANCELLED) & (fate != LAPSED), CALLED_OFF, fate)
    rows["fate"] = fate
    rows["consent_at"] = np.where(fate == LAPSED, NEVER, rows["consent_at"])
    ways = world.streams.of("attendance ways").choice(
        [OWN_DEVICE, PAPER], p=[0.65, 0.35], size=len(firms.codes)
    )
    ways = np.where(firms.tablet != 0, TABLET, ways)
    rows["taken"], rows["tablet"] = ways[provider], firms.tablet[provider]
    regular = world.streams.of("attendance rates").beta(28, 2.2, len(firms.codes))
    rows["attend"] = (regular[provider] + rng.normal(0, 0.05, count)).clip(0.4, 1.0)
    prepaid = world.streams.of("advances").random(len(firms.codes)) < 0.35
    rows["advance"] = prepaid[provider].astype(np.int64)
    denied = (rng.random(count) < 0.003) & (fate != LAPSED)
    rows["denied_at"] = np.where(denied, rows["created"] + rng.integers(2, 15 * 24, count) * HOUR, NEVER)
    unhappy = rng.random(count) < 0.009
    rows["complaint_at"] = np.where(unhappy, first + rng.integers(24, 30 * 24, count) * HOUR, NEVER)
    rows["reason"] = rng.choice(
        ["quality", "organisation", "refund", "gift"], p=[0.55, 0.3, 0.13, 0.02], size=count
    ).astype(object)


def change_contacts(world: World, rows: Rows) -> None:
    """People and firms move, change numbers and banks; a few just before they book."""
    rng, people, firms = world.streams.of("contact changes"), world.learners, world.providers
    kinds = np.array(["email", "phone", "address", "iban"], dtype=object)
    who = np.flatnonzero(rng.random(len(people.codes)) < 0.05)
    moment = world.start + (rng.random(len(who)) * (world.end - world.start)).astype(np.int64)
    some = np.flatnonzero(rng.random(len(rows["learner"])) < 0.006)
    who = np.concatenate([who, rows["learner"][some]])
    moment = np.concatenate([moment, rows["created"][some] - rng.integers(1, 7 * 24, len(some)) * HOUR])
    good = (moment > people.registered[who] + HOUR) & (moment >= world.start)
    who, moment = who[good], moment[good]
    which = rng.choice(kinds, p=[0.35, 0.35, 0.2, 0.1], size=len(who))
    for name in kinds:
        mine = which == name
        world.sink.add(
            "contact_changes",
            subject_kind="learner",
            subject_id=people.codes[who[mine]],
            field=name,
            old_hash=getattr(people, name)[who[mine]],
            new_hash=world.names.new(name, int(mine.sum())),
            at=moment[mine],
            device_hash=people.device[who[mine]],
            recorded_at=moment[mine] + 1,
        )
    for name, share in (("iban", 0.04), ("phone", 0.06), ("email", 0.05), ("address", 0.04)):
        free = np.array([role in {"", "A1", "A2", "A3", "A4", "A6", "bootcamp"} for role in firms.role])
        mine = np.flatnonzero(
            (rng.random(len(firms.codes)) < share) & free & (firms.accredited < world.end - 60 * DAY)
        )
        since = np.maximum(world.start, firms.accredited[mine] + 20 * DAY)
        at = since + (rng.random(len(mine)) * (world.end - since)).astype(np.int64)
        world.sink.add(
            "contact_changes",
            subject_kind="provider",
            subject_id=firms.codes[mine],
            field=name,
            old_hash=getattr(firms, name)[mine],
            new_hash=world.names.new(name, len(mine)),
            at=at,
            device_hash=firms.device[mine],
            recorded_at=at + 1,
        )


def sign_in(world: World) -> None:
    """Learners look at their accounts now and then; firms every few days."""
    rng, people, firms = world.streams.of("logins"), world.learners, world.providers
    who = rng.integers(0, len(people.codes), 2 * len(people.codes))
    at = world.start + (rng.random(len(who)) * (world.end - world.start)).astype(np.int64)
    good = at > people.registered[who] + HOUR
    who, at = who[good], at[good]
    world.sink.add(
        "logins", subject_kind="learner", subject_id=people.codes[who], at=at, ip_hash=people.ip[who],
        device_hash=people.device[who], recorded_at=at + 1,
    )  # fmt: skip
    weeks = np.arange(world.start, world.end, 5 * DAY)
    who = np.repeat(np.arange(len(firms.codes)), len(weeks))
    at = np.tile(weeks, len(firms.codes)) + rng.integers(6 * HOUR, 4 * DAY, len(who))
    good = (at > firms.accredited[who]) & np.array([firms.style[k] != "silent" for k in who.tolist()])
    who, at = who[good], at[good]
    second = world.names.new("device", len(firms.codes))
    device = np.where(rng.random(len(who)) < 0.3, second[who], firms.device[who])
    home = world.names.new("ip", len(firms.codes))
    ip = np.where(rng.random(len(who)) < 0.15, home[who], firms.ip[who])
    world.sink.add(
        "logins", subject_kind="provider", subject_id=firms.codes[who], at=at, ip_hash=ip, device_hash=device,
        recorded_at=at + 1,
    )  # fmt: skip
