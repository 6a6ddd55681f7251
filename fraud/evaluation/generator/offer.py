"""What is offered: credentials with prices under caps, venues, and sessions nobody has to be in twice at once."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from fraud.evaluation.generator.basis import DAY, HOUR, NEVER, Array
from fraud.evaluation.generator.people import World
from fraud.evaluation.generator.words import full_names

KINDS = [
    "rs",
    "course",
    "rncp",
    "clea",
    "skills_assessment",
    "prior_learning",
    "light_licence",
    "business_creation",
    "curated_course",
]
_KIND_SHARES = (0.28, 0.22, 0.14, 0.07, 0.08, 0.04, 0.07, 0.05, 0.05)
_CAPS = (150_000, 100_000, 500_000, 150_000, 160_000, 120_000, 90_000, 150_000, 200_000)
_RAISED_KIND, _RAISED_CAP = "course", 120_000
YEARLY_CREDIT, ACCOUNT_CAP = 50_000, 500_000
# hours of one slot, local start, slots of one day, days between
_PATTERNS = {
    "full_days": (3.5, (9.0, 13.5), 1),
    "mornings": (3.5, (9.0,), 1),
    "evenings": (3.0, (18.0,), 3),
    "weekly": (3.5, (9.0, 13.5), 5),
    "online": (2.0, (12.25,), 2),
    "bootcamp": (5.0, (8.0, 14.0), 1),
}
_MOST_SLOTS = 24


@dataclass
class Session:
    code: int
    provider: int
    credential: int
    trainer: int
    venue: int
    mode: str
    lat: float
    lon: float
    seats: int
    private: int
    starts: Array
    ends: Array
    published: int
    cancelled_at: int = NEVER
    # Set for what is told as held although nobody met, or never told at all.
    told: str = "held"
    closed_at: int = NEVER

    @property
    def first(self) -> int:
        return int(self.starts[0])

    @property
    def last(self) -> int:
        return int(self.ends[-1])

    @property
    def days(self) -> list[int]:
        return sorted(set((self.starts // DAY).tolist()))


@dataclass
class Offer:
    codes: Array
    provider: Array
    kind: list[str]
    hours: Array
    assessed: Array
    price: Array
    of_provider: list[list[int]] = field(default_factory=list)
    cap_raised: int = NEVER
    sessions: list[Session] = field(default_factory=list)
    busy: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def cap(self, credential: int, moment: int) -> int:
        """Public money one booking may cost on that day, in cents."""
        kind = self.kind[credential]
        if kind == _RAISED_KIND and moment >= self.cap_raised:
            return _RAISED_CAP
        return _CAPS[KINDS.index(kind)]


def make_offer(world: World) -> Offer:
    """Every firm has a credential; the rest fall to firms by size, except to those with a single course."""
    rng, firms = world.streams.of("offer"), world.providers
    count, total = len(firms.codes), world.size.credentials
    many = np.ones(count, dtype=np.int64)
    open_to_more = np.array(
        [
            0.0 if firms.style[i] == "one_course" else 0.15 + min(3.0, float(firms.weight[i]))
            for i in range(count)
        ]
    )
    many += rng.multinomial(total - count, open_to_more / open_to_more.sum())
    provider = np.repeat(np.arange(count), many)
    kind = [KINDS[k] for k in rng.choice(len(KINDS), p=_KIND_SHARES, size=total)]
    hours = (rng.lognormal(3.0, 0.55, total).clip(6, 80) / 3.5).round().clip(2).astype(np.int64) * 7 // 2
    rate = rng.lognormal(3.35, 0.45, total).clip(9, 90)
    offer = Offer(
        codes=world.names.new("credential", total),
        provider=provider,
        kind=kind,
        hours=hours,
        assessed=rng.random(total) < 0.6,
        price=(hours * rate / 10).round().clip(9).astype(np.int64) * 1_000,
        of_provider=[np.flatnonzero(provider == i).tolist() for i in range(count)],
        cap_raised=world.start + 8 * 30 * DAY,
    )
    # Many honest prices sit at a cap because the cap is a round sum.
    at_cap = rng.random(total) < 0.05
    for i in range(total):
        role = firms.role[provider[i]]
        if role == "cap_price" or at_cap[i]:
            offer.price[i] = offer.cap(i, world.start)
        if role == "bootcamp":
            offer.hours[i] = 60
    _write_offer(world, offer, rng)
    _add_venues(world, rng)
    return offer


def _write_offer(world: World, offer: Offer, rng: np.random.Generator) -> None:
    total = len(offer.codes)
    since = np.maximum(world.providers.accredited[offer.provider], world.start - 300 * DAY) // DAY * DAY
    since += rng.integers(0, 5, total) * DAY
    world.sink.add(
        "credentials",
        credential_id=offer.codes,
        provider_id=world.providers.codes[offer.provider],
        kind=np.array(offer.kind, dtype=object),
        hours=offer.hours,
        assessed=np.where(offer.assessed, "true", "false").astype(object),
        recorded_at=since + 10 * HOUR,
    )
    private = (offer.price * rng.normal(1.02, 0.07, total).clip(0.85, 1.2) / 1_000).round().astype(
        np.int64
    ) * 1_000
    private[rng.random(total) < 0.15] = -1
    earlier = (offer.price * 0.97 / 1_000).round().astype(np.int64) * 1_000
    revised = rng.random(total) < 0.25
    world.sink.add(
        "prices",
        credential_id=offer.codes,
        price_cents=np.where(revised, earlier, offer.price),
        private_price_cents=private,
        valid_from=since,
        recorded_at=since + 10 * HOUR,
    )
    change = np.maximum(since + 90 * DAY, world.start + rng.integers(0, 400, total) * DAY) // DAY * DAY
    offer.price = offer.price.copy()
    world.sink.add(
        "prices",
        credential_id=offer.codes[revised],
        price_cents=offer.price[revised],
        private_price_cents=private[revised],
        valid_from=change[revised],
        recorded_at=change[revised] - 3 * DAY,
    )
    # What is booked is paid at the lower of the two until the end: dearer lists do not bind those who ask.
    offer.price = np.where(revised, earlier, offer.price)


def _add_venues(world: World, rng: np.random.Generator) -> None:
    firms = world.providers
    for index in range(len(firms.codes)):
        many = 1 + int(rng.poisson(0.5 + min(2.0, float(firms.weight[index]) / 2)))
        codes = world.names.new("venue", many)
        firms.venues.append(codes.tolist())
        world.sink.add(
            "venues",
            venue_id=codes,
            capacity=rng.integers(14, 31, many),
            opens=rng.choice(["07:00", "07:30", "08:00"], many).astype(object),
            closes=rng.choice(["21:30", "22:00", "22:30"], many).astype(object),
            recorded_at=np.full(many, min(int(firms.accredited[index]), world.start) - 20 * DAY),
        )


def write_rules(world: World, offer: Offer) -> None:
    """The scheme's one row and its limits by kind; written once per population."""
    since = world.start - 1_000 * DAY
    world.sink.add(
        "scheme",
        utc_offset_minutes=world.offset // 60,
        first_claim_days_before_start=world.lead_days,
        advance_percent=world.advance_percent,
        recorded_at=since,
    )
    shared = {"yearly_credit_cents": YEARLY_CREDIT, "approval_limit_cents": 250_000}
    world.sink.add(
        "limits",
        kind=np.array(KINDS, dtype=object),
        cap_cents=np.array(_CAPS),
        valid_from=np.full(len(KINDS), since),
        recorded_at=np.full(len(KINDS), since),
        **shared,
    )
    world.sink.add(
        "limits",
        kind=_RAISED_KIND,
        cap_cents=_RAISED_CAP,
        valid_from=offer.cap_raised,
        recorded_at=offer.cap_raised - 40 * DAY,
        **shared,
    )


def slot_times(world: World, day: int, hours: int, pattern: str) -> tuple[Array, Array]:
    """Starts and ends (UTC) of the slots from that day on, on working days only."""
    length, clock, step = _PATTERNS[pattern]
    wanted = min(_MOST_SLOTS, max(1, round(hours / length)))
    days = -(-wanted // len(clock))
    first = np.datetime64(day, "s").astype("datetime64[D]")
    dates = (
        np.busday_offset(first, np.arange(days) * step, roll="forward")
        .astype("datetime64[s]")
        .astype(np.int64)
    )
    starts = (dates[:, None] + (np.array(clock) * HOUR).astype(np.int64)).ravel()[:wanted] - world.offset
    return starts, starts + int(length * HOUR)


def open_session(
    world: World,
    offer: Offer,
    rng: np.random.Generator,
    *,
    credential: int,
    day: int,
    pattern: str,
    seats: int,
    mode: str,
    careful: bool = True,
) -> Session:
    """A session of that credential; a careful firm sends a trainer, and opens a room, only where nobody else is."""
    index, firms = int(offer.provider[credential]), world.providers
    starts, ends = slot_times(world, day, int(offer.hours[credential]), pattern)
    marks = {int(mark) for mark in starts // (6 * HOUR)}
    # A trainer sent home yesterday evening may teach in the morning; one in another town needs the day.
    teacher_marks = {int(mark) for mark in starts // DAY}
    trainer = _free(offer, rng, firms.trainers[index], teacher_marks, careful=careful)
    if trainer is None:
        trainer = world.names.one("person")
        firms.trainers[index].append(trainer)
        _hire(world, index, trainer, int(starts[0]))
        offer.busy[trainer] |= teacher_marks
    venue = 0
    if mode != "online":
        found = _free(offer, rng, firms.venues[index], marks, careful=careful)
        if found is None:
            found = world.names.one("venue")
            firms.venues[index].append(found)
            offer.busy[found] |= marks
            world.sink.add(
                "venues",
                venue_id=found,
                capacity=24,
                opens="07:00",
                closes="22:00",
                recorded_at=int(starts[0]) - 100 * DAY,
            )
        venue = found
        seats = min(seats, 14)
    session = Session(
        code=world.names.one("session"),
        provider=index,
        credential=credential,
        trainer=trainer,
        venue=venue,
        mode=mode,
        lat=float("nan") if mode == "online" else float(firms.lat[index]),
        lon=float("nan") if mode == "online" else float(firms.lon[index]),
        seats=seats,
        private=int(rng.poisson(1.2)) if careful else 0,
        starts=starts,
        ends=ends,
        published=int(starts[0]) - int(rng.integers(98, 130)) * DAY,
    )
    session.closed_at = session.last + int(rng.integers(1, 60)) * HOUR
    offer.sessions.append(session)
    return session


def _free(
    offer: Offer, rng: np.random.Generator, candidates: list[int], marks: set[int], *, careful: bool
) -> int | None:
    if not careful and candidates:
        return candidates[int(rng.integers(0, len(candidates)))]
    shift = int(rng.integers(0, max(1, len(candidates))))
    for candidate in candidates[shift:] + candidates[:shift]:
        if offer.busy[candidate].isdisjoint(marks):
            offer.busy[candidate] |= marks
            return candidate
    return None


def _hire(world: World, provider: int, code: int, first: int) -> None:
    rng = world.streams.of(f"hire {code}")
    since = first // DAY * DAY - int(rng.integers(20, 200)) * DAY
    world.sink.add(
        "persons",
        person_id=code,
        full_name=f"{full_names(rng, 1)[0]}",
        birth_date=int(rng.integers(-12 * 365, 28 * 365)) * DAY + DAY,
        role="trainer",
        provider_id=int(world.providers.codes[provider]),
        valid_from=since,
        recorded_at=since + 10 * HOUR,
        **{f"{kind}_hash": world.names.one(kind) for kind in ("email", "phone", "address", "iban")},
    )


def write_sessions(world: World, offer: Offer) -> None:
    """Sessions as published, again as they ended, and their slots."""
    every = offer.sessions
    if not every:
        return
    firms = world.providers
    plain = {
        "session_id": np.array([s.code for s in every]),
        "credential_id": offer.codes[[s.credential for s in every]],
        "trainer_id": np.array([s.trainer for s in every]),
        "venue_id": np.array([s.venue for s in every]),
        "mode": np.array([s.mode for s in every], dtype=object),
        "lat": np.array([s.lat for s in every]),
        "lon": np.array([s.lon for s in every]),
        "seats": np.array([s.seats for s in every]),
        "private_payers": np.array([s.private for s in every]),
    }
    published = np.maximum(
        np.array([s.published for s in every]), firms.accredited[[s.provider for s in every]]
    )
    world.sink.add("sessions", status="planned", recorded_at=published, **plain)
    closed = np.array([s.closed_at if s.cancelled_at == NEVER else s.cancelled_at + HOUR for s in every])
    status = np.array([s.told if s.cancelled_at == NEVER else "cancelled" for s in every], dtype=object)
    told = status != "planned"
    world.sink.add(
        "sessions", status=status[told], recorded_at=closed[told], **{k: v[told] for k, v in plain.items()}
    )
    sizes = np.array([len(s.starts) for s in every])
    world.sink.add(
        "slots",
        session_id=np.repeat(plain["session_id"], sizes),
        starts_at=np.concatenate([s.starts for s in every]),
        ends_at=np.concatenate([s.ends for s in every]),
        recorded_at=np.repeat(published, sizes),
    )
