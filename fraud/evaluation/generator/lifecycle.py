"""What becomes of bookings: consent, attendance, service, claims, money back, surveys."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fraud.evaluation.generator.basis import DAY, HOUR, MINUTE, NEVER, Array
from fraud.evaluation.generator.offer import Offer, Session
from fraud.evaluation.generator.people import World

# How a booking goes.
DONE, CANCELLED, NO_SHOW, CALLED_OFF, NEVER_HELD, LAPSED, LEFT = range(7)
# How attendance is taken.
NOT_TAKEN, OWN_DEVICE, TABLET, PAPER, FORGED = range(5)
# What a survey would hear.
HONEST, UNASKED, GHOST, UNTAUGHT, COLLUDING = range(5)
_ANSWERS = {
    HONEST: (0.6, (0.965, 0.004, 0.006, 0.025)),
    UNASKED: (0.5, (0.1, 0.8, 0.05, 0.05)),
    GHOST: (0.08, (0.7, 0.2, 0.1, 0.0)),
    UNTAUGHT: (0.65, (0.06, 0.02, 0.87, 0.05)),
    COLLUDING: (0.5, (0.92, 0.01, 0.03, 0.04)),
}
_WORDS = ("confirmed", "denied", "not_taught", "other")
_SURVEYED = 0.03

Rows = dict[str, Array]


@dataclass
class Done:
    """What was done of each booking, and from when on nothing more is paid for it."""

    first: Array
    left: Array
    last: Array
    percent: Array
    advanced: Array
    stopped: Array


def blank_rows(count: int) -> Rows:
    """Rows of bookings as nobody had looked at them yet."""
    whole: dict[str, Any] = {
        "learner": 0, "session": 0, "agent": 0, "employer": 0, "amount": 0, "own": 0, "created": NEVER, "ip": 0,
        "device": 0, "consent_at": NEVER, "consent_ip": 0, "consent_device": 0, "fate": DONE, "taken": OWN_DEVICE,
        "tablet": 0, "claim_after": 0, "certificate_after": 0, "denied_at": NEVER, "complaint_at": NEVER,
        "advance": 0, "refund_after": NEVER, "truth": HONEST, "early_certificate": 0,
    }  # fmt: skip
    rows: Rows = {name: np.full(count, value, dtype=np.int64) for name, value in whole.items()}
    rows["attend"] = np.full(count, 0.95)
    rows["actor"] = np.full(count, "learner", dtype=object)
    rows["reason"] = np.full(count, "", dtype=object)
    return rows


def run(world: World, offer: Offer, rng: np.random.Generator, rows: Rows) -> Array:
    """Write everything that happens to the bookings; the codes they got."""
    count = len(rows["learner"])
    if not count:
        return np.zeros(0, dtype=np.int64)
    codes = world.names.new("booking", count)
    sessions = [offer.sessions[k] for k in rows["session"].tolist()]
    first = np.array([session.first for session in sessions])
    last = np.array([session.last for session in sessions])
    _write_bookings(world, rng, rows, codes, sessions)
    percent, entered, left = _attend(world, rng, rows, codes, sessions)
    stopped = _endings(world, rng, rows, codes, sessions)
    advanced = _advance(world, rng, rows, codes, first, stopped)
    done = Done(first=entered, left=left, last=last, percent=percent, advanced=advanced, stopped=stopped)
    assessed = offer.assessed[[session.credential for session in sessions]]
    _service(world, rng, rows, codes, done, assessed)
    _surveys(world, rng, rows, codes, last, stopped)
    return codes


def _event(
    world: World, rng: np.random.Generator, codes: Array, name: str, at: Array, *, where: Array, **more: Any
) -> None:
    where = where & (at != NEVER) & (at <= world.end)
    if where.any():
        more = {key: value[where] if isinstance(value, np.ndarray) else value for key, value in more.items()}
        at = at[where]
        # What people note is noted late; what the platform does itself is there at once.
        share = 0.05 if name in {"entry", "exit", "service_declared", "assessment", "certificate"} else 0.0
        recorded = world.late(rng, at, share)
        world.sink.add(
            "booking_events", booking_id=codes[where], event=name, at=at, recorded_at=recorded, **more
        )


def _write_bookings(
    world: World, rng: np.random.Generator, rows: Rows, codes: Array, sessions: list[Session]
) -> None:
    people, created = world.learners, rows["created"]
    consented = rows["consent_at"] != NEVER
    plain = {
        "booking_id": codes,
        "learner_id": people.codes[rows["learner"]],
        "session_id": np.array([session.code for session in sessions]),
        "agent_id": rows["agent"],
        "employer_id": rows["employer"],
        "amount_cents": rows["amount"],
        "actor": rows["actor"],
        "created_at": created,
        "ip_hash": rows["ip"],
        "device_hash": rows["device"],
        "own_cents": rows["own"],
    }
    recorded = created + 1 + rng.integers(0, 5, len(codes))
    late = consented & (rows["consent_at"] > recorded)
    now = consented & ~late
    world.sink.add(
        "bookings",
        consent_at=np.where(now, rows["consent_at"], NEVER),
        consent_ip_hash=np.where(now, rows["consent_ip"], 0),
        consent_device_hash=np.where(now, rows["consent_device"], 0),
        recorded_at=recorded,
        **plain,
    )
    world.sink.add(
        "bookings",
        consent_at=rows["consent_at"][late],
        consent_ip_hash=rows["consent_ip"][late],
        consent_device_hash=rows["consent_device"][late],
        recorded_at=rows["consent_at"][late] + 2,
        **{name: values[late] for name, values in plain.items()},
    )
    own = rows["actor"] == "learner"
    world.sink.add(
        "logins",
        subject_kind="learner",
        subject_id=plain["learner_id"][own],
        at=created[own] - rng.integers(60, 900, int(own.sum())),
        ip_hash=rows["ip"][own],
        device_hash=rows["device"][own],
        recorded_at=created[own],
    )


def _attend(
    world: World, rng: np.random.Generator, rows: Rows, codes: Array, sessions: list[Session]
) -> tuple[Array, Array, Array]:
    """Signatures per slot; percent done, first and last moment there."""
    count = len(codes)
    sizes = np.array([len(session.starts) for session in sessions])
    owner = np.repeat(np.arange(count), sizes)
    starts = np.concatenate([session.starts for session in sessions])
    ends = np.concatenate([session.ends for session in sessions])
    goes = np.isin(rows["fate"], (DONE, LEFT))
    position = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    stays = np.where(
        rows["fate"] == LEFT, np.maximum(1, (sizes * rng.uniform(0.2, 0.7, count)).astype(int)), sizes
    )
    there = (rng.random(len(owner)) < rows["attend"][owner]) & goes[owner] & (position < stays[owner])
    # Nobody who finished was away all the time.
    there |= goes[owner] & (position == 0)
    length = (ends - starts).astype(float)
    done = np.bincount(owner, weights=length * there, minlength=count)
    percent = (100 * done / np.bincount(owner, weights=length, minlength=count)).astype(np.int64)
    took = rows["taken"][owner]
    jitter = rng.normal(-2 * MINUTE, 5 * MINUTE, len(owner)).astype(np.int64).clip(-25 * MINUTE, 70 * MINUTE)
    jitter = np.where(rng.random(len(owner)) < 0.03, jitter + 25 * MINUTE, jitter)
    jitter = np.where(took == PAPER, 0, jitter)
    jitter = np.where(took == FORGED, rng.integers(0, 40, count)[owner], jitter)
    signed = starts + jitter
    device = np.where(
        took == OWN_DEVICE,
        world.learners.device[rows["learner"]][owner],
        np.where(took == PAPER, 0, rows["tablet"][owner]),
    )
    kept = there & (took != NOT_TAKEN) & (signed <= world.end)
    kept &= ~((rng.random(len(owner)) < 0.01) & (took != FORGED))
    # Sheets of paper are typed in days later; a batch is typed in one go.
    recorded = world.late(rng, signed)
    sheet = (signed // DAY + 3 + (codes[owner] % 3)) * DAY + 16 * HOUR + position * 20
    recorded = np.where(took == PAPER, sheet, recorded)
    recorded = np.where(took == FORGED, np.maximum(signed, recorded), recorded)
    world.sink.add(
        "attendance",
        booking_id=codes[owner][kept],
        slot_starts_at=starts[kept],
        signed_at=signed[kept],
        device_hash=device[kept],
        recorded_at=recorded[kept],
    )
    entered = np.full(count, NEVER, dtype=np.int64)
    left = np.full(count, NEVER, dtype=np.int64)
    if there.any():
        np.maximum.at(left, owner[there], ends[there])
        far = np.full(count, 2**62, dtype=np.int64)
        np.minimum.at(far, owner[there], starts[there])
        entered = np.where(goes, far, NEVER)
    return percent, entered, np.where(goes, left, NEVER)


def _endings(
    world: World, rng: np.random.Generator, rows: Rows, codes: Array, sessions: list[Session]
) -> Array:
    """Cancellations and what learners say; from when on nothing more is paid."""
    fate, created, count = rows["fate"], rows["created"], len(codes)
    first = np.array([session.first for session in sessions])
    off = np.array([session.cancelled_at for session in sessions])
    room = np.maximum(first - created, HOUR)
    change = created + (room * rng.beta(1.2, 1.4, count)).astype(np.int64)
    lapse = np.minimum(created + 10 * DAY, first)
    _event(world, rng, codes, "cancelled", change, where=fate == CANCELLED, reason="learner")
    _event(world, rng, codes, "cancelled", lapse, where=fate == LAPSED, reason="lapsed")
    called = (fate == CALLED_OFF) | ((fate == NEVER_HELD) & (off != NEVER))
    _event(world, rng, codes, "cancelled", np.maximum(off, created), where=called, reason="provider")
    everywhere = np.ones(count, dtype=bool)
    _event(world, rng, codes, "denied", rows["denied_at"], where=everywhere, reason="not_me")
    reasons = np.where(rows["reason"] == "", "quality", rows["reason"])
    _event(world, rng, codes, "complaint", rows["complaint_at"], where=everywhere, reason=reasons)
    far = np.full(count, 2**62)
    stopped = np.where(fate == CANCELLED, change, np.where(fate == LAPSED, lapse, far))
    stopped = np.where(fate == CALLED_OFF, np.maximum(off, created), stopped)
    return np.where(rows["denied_at"] != NEVER, np.minimum(stopped, rows["denied_at"]), stopped)


def _advance(
    world: World, rng: np.random.Generator, rows: Rows, codes: Array, first: Array, stopped: Array
) -> Array:
    """Lawful advances before the start, and what comes back of them; cents paid in advance."""
    count = len(codes)
    earliest = np.maximum(first - world.lead_days * DAY, rows["created"] + DAY)
    claimed = earliest + (rng.random(count) * 2 * DAY).astype(np.int64)
    paid = claimed + (rng.uniform(2, 9, count) * DAY).astype(np.int64)
    cents = rows["amount"] * np.where(rows["advance"] == 1, world.advance_percent, 0) // 100
    lawful = (
        (cents > 0) & (claimed < stopped) & (rows["consent_at"] != NEVER) & (rows["consent_at"] < claimed)
    )
    _event(world, rng, codes, "claim", claimed, where=lawful, amount_cents=cents)
    lawful_paid = lawful & (paid < stopped)
    _event(world, rng, codes, "paid", paid, where=lawful_paid, amount_cents=cents)
    gone = lawful_paid & np.isin(rows["fate"], (CANCELLED, CALLED_OFF, LAPSED)) & (stopped < 2**61)
    slow = np.where(rows["refund_after"] != NEVER, rows["refund_after"], rng.integers(1, 21, count) * DAY)
    back = np.where(gone, np.maximum(paid, np.where(gone, stopped, 0)) + slow, NEVER)
    _event(world, rng, codes, "refunded", back, where=gone, amount_cents=cents)
    return np.where(lawful, cents, 0)


def _service(
    world: World, rng: np.random.Generator, rows: Rows, codes: Array, done: Done, assessed: Array
) -> None:
    """Entry, exit, service, certificate, the last claim and its payment."""
    entered, left, last, stopped = done.first, done.left, done.last, done.stopped
    percent, advanced = done.percent, done.advanced
    fate, count = rows["fate"], len(codes)
    goes = np.isin(fate, (DONE, LEFT)) & (entered < stopped)
    started = entered + rng.integers(0, 90, count) * MINUTE
    _event(world, rng, codes, "entry", started, where=goes)
    told = np.where(fate == NO_SHOW, "no_show", np.where(fate == LEFT, "left_early", "complete")).astype(
        object
    )
    absent = (fate == NO_SHOW) & (last < stopped)
    # Who sells what is never held tells the payer that it was, or asks for the money for "no-shows".
    feigned = (fate == NEVER_HELD) & (rows["claim_after"] >= 0) & (last < stopped)
    out = np.where(goes, left, last)
    _event(world, rng, codes, "exit", out, where=goes | absent | feigned, reason=told)
    share = np.where(fate == NEVER_HELD, 100, np.where(absent, 0, percent))
    declared = out + rng.integers(1, 5 * 24, count) * HOUR
    _event(world, rng, codes, "service_declared", declared, where=goes | absent | feigned, percent=share)
    finished = goes & (share >= 80)
    test = out + rng.integers(1, 72, count) * HOUR
    passed = ~assessed | (rng.random(count) < 0.93)
    skipped = rows["early_certificate"] == 1
    _event(world, rng, codes, "assessment", test, where=finished & assessed & ~skipped)
    wait = np.where(
        rows["certificate_after"] > 0, rows["certificate_after"], rng.integers(1, 20, count) * DAY
    )
    handed = np.where(skipped, out - 5 * HOUR, np.maximum(test, out) + wait)
    _event(world, rng, codes, "certificate", handed, where=finished & (passed | skipped))
    asked = np.where(
        rows["claim_after"] > 0, rows["claim_after"], (rng.gamma(2, 4 * DAY, count)).astype(np.int64) + DAY
    )
    claimed = declared + asked
    whole = np.where(goes, rows["amount"] * share // 100, rows["amount"])
    rest = whole - advanced
    owed = (goes | absent | feigned) & (rest > 0) & (rows["consent_at"] != NEVER) & (claimed < stopped)
    _event(world, rng, codes, "claim", claimed, where=owed, amount_cents=rest)
    paid = claimed + (rng.uniform(5, 30, count) * DAY).astype(np.int64)
    _event(world, rng, codes, "paid", paid, where=owed & (paid < stopped), amount_cents=rest)


def _surveys(
    world: World, rng: np.random.Generator, rows: Rows, codes: Array, last: Array, stopped: Array
) -> None:
    chosen = (rng.random(len(codes)) < _SURVEYED) & (last < stopped)
    sent = last + 3 * DAY
    luck, wait = rng.random((2, len(codes))), rng.integers(4, 240, len(codes)) * HOUR
    answer = np.full(len(codes), "", dtype=object)
    for truth, (share, odds) in _ANSWERS.items():
        mine = rows["truth"] == truth
        heard = mine & (luck[0] < share)
        answer[heard] = np.array(_WORDS, dtype=object)[np.searchsorted(np.cumsum(odds)[:-1], luck[1][heard])]
    heard = chosen & (answer != "")
    world.sink.add("surveys", booking_id=codes[chosen], sent_at=sent[chosen], recorded_at=sent[chosen] + HOUR)
    answered = sent + wait
    world.sink.add(
        "surveys",
        booking_id=codes[heard],
        sent_at=sent[heard],
        answered_at=answered[heard],
        answer=answer[heard],
        recorded_at=answered[heard] + MINUTE,
    )
