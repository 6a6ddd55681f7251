"""Six kinds of misuse, as the rows they leave."""

from collections.abc import Callable

import numpy as np

from fraud.evaluation.generator.basis import DAY, HOUR, MINUTE, NEVER, Array, Names
from fraud.evaluation.generator.cases import Batch, Case, pools
from fraud.evaluation.generator.dials import ARCHETYPES, Dials
from fraud.evaluation.generator.lifecycle import (
    COLLUDING,
    FORGED,
    GHOST,
    NEVER_HELD,
    NO_SHOW,
    NOT_TAKEN,
    PAPER,
    TABLET,
    UNASKED,
    UNTAUGHT,
    Rows,
)
from fraud.evaluation.generator.offer import Offer
from fraud.evaluation.generator.people import SHELLS, World
from fraud.evaluation.generator.words import full_names, with_typo


def mass_sign_up(case: Case) -> None:
    """A1: an agent signs up account holders who were never asked, many in one sitting."""
    rng, world = case.rng, case.world
    agent = int(rng.integers(0, len(world.agents)))
    tablet = int(world.providers.tablet[case.first_provider]) or world.names.one("device")
    for batch in case.batches(7, 24):
        learners = case.victims(batch.many, batch.moment)
        if not learners:
            return
        session = case.session(batch.moment, mode="in_person" if rng.random() < 0.6 else "online", seats=60)
        pace = 50 if case.dials.patience < 0.5 else 400
        rows = case.book(
            learners, session, batch.moment + np.cumsum(rng.integers(10, 2 * pace, len(learners)))
        )
        seen = case.disguised(len(learners), batch.adapted)
        ip = case.tool("ip", batch.adapted, int(world.agent_ip[agent]))
        device = case.tool("device", batch.adapted, int(world.agent_device[agent]))
        rows["agent"][:] = int(world.agents[agent])
        rows["actor"] = np.where(seen & (rng.random(len(seen)) < 0.5), "learner", "agent").astype(object)
        rows["ip"], rows["device"] = np.where(seen, rows["ip"], ip), np.where(seen, rows["device"], device)
        rows["consent_at"] = rows["created"] + np.where(
            seen, rng.integers(HOUR, 40 * HOUR, len(seen)), rng.integers(15, 600, len(seen))
        )
        rows["consent_ip"] = np.where(seen, world.names.new("ip", len(seen)), ip)
        rows["consent_device"] = np.where(seen, world.names.new("device", len(seen)), device)
        _noticed(case, rows, denied=0.13, complained=0.03, reason="not_me", within=45)
        rows["taken"] = np.where(seen, PAPER, FORGED)
        rows["tablet"][:] = tablet
        rows["fate"] = np.where(rng.random(len(seen)) < 0.2, NO_SHOW, rows["fate"])
        rows["attend"][:] = 0.99
        rows["truth"][:] = UNASKED
        _hurry(case, rows, seen)
        case.keep(rows)


def takeover(case: Case) -> None:
    """A2: contact data of a dormant account is changed, and its money spent at a firm that is in it."""
    rng, world, people = case.rng, case.world, case.world.learners
    firm = case.first_provider
    best = case.raise_price(firm, 0.99)
    if rng.random() < 0.5:
        case.change_provider(
            firm, "iban", world.names.one("iban"), case.begin + int(rng.integers(5, 30)) * DAY
        )
    for batch in case.batches(2, 7):
        learners = case.victims(batch.many, batch.moment, 60_000)
        if not learners:
            return
        count = len(learners)
        seen = case.disguised(count, batch.adapted)
        device = case.tool(
            "device", batch.adapted, int(world.providers.device[firm]) if rng.random() < 0.4 else 0
        )
        ip = case.tool("ip", batch.adapted, int(world.providers.ip[firm]) if rng.random() < 0.4 else 0)
        wait = np.where(seen, rng.integers(8 * DAY, 30 * DAY, count), rng.integers(HOUR, 5 * DAY, count))
        changed = batch.moment + np.cumsum(rng.integers(2 * MINUTE, 3 * HOUR, count))
        who = np.array(learners)
        name = "phone" if rng.random() < 0.5 else "email"
        new = np.where(seen, world.names.new(name, count), case.tool(name, batch.adapted))
        world.sink.add(
            "contact_changes", subject_kind="learner", subject_id=people.codes[who], field=name,
            old_hash=getattr(people, name)[who], new_hash=new, at=changed, device_hash=np.full(count, device),
            recorded_at=changed + 1,
        )  # fmt: skip
        case.mark(int(changed.min()))
        world.sink.add(
            "logins", subject_kind="learner", subject_id=people.codes[who], at=changed - 120,
            ip_hash=np.full(count, ip), device_hash=np.full(count, device), recorded_at=changed - 119,
        )  # fmt: skip
        session = case.session(
            int((changed + wait).max()), mode="online", pattern="online", credential=best, seats=200
        )
        rows = case.book(learners, session, changed + wait)
        mixed = np.where(seen, world.names.new("ip", count), ip)
        rows["ip"] = rows["consent_ip"] = mixed
        rows["device"] = rows["consent_device"] = np.where(seen, world.names.new("device", count), device)
        rows["consent_at"] = rows["created"] + rng.integers(20, 400, count)
        _noticed(case, rows, denied=0.16, complained=0.04, reason="not_me", within=60)
        rows["taken"], rows["tablet"] = np.where(seen, PAPER, FORGED), np.full(count, device)
        rows["truth"][:] = UNASKED
        rows["advance"][:] = 1
        _hurry(case, rows, seen)
        case.keep(rows)


def ghosts(case: Case) -> None:
    """A3: invented learners on rosters with perfect attendance, in rooms that could not hold them."""
    rng, world, people = case.rng, case.world, case.world.learners
    best = case.raise_price(case.first_provider, 0.9)
    roster: list[int] = []
    tablet = int(world.providers.tablet[case.first_provider]) or world.names.one("device")
    for batch in case.batches(8, 26):
        fresh = [case.pool.pop() for _ in range(min(batch.many, len(case.pool)))]
        if not fresh:
            return
        seen = case.disguised(len(fresh), batch.adapted)
        who = np.array(fresh)
        opened = batch.moment - rng.integers(2 * DAY, 25 * DAY, len(fresh))
        people.registered[who] = np.where(seen, opened - 90 * DAY, opened)
        people.opening[who] = np.maximum(people.opening[who], 250_000)
        for kind in ("phone", "address", "email"):
            usual = getattr(people, kind)
            shared = ~seen & (rng.random(len(fresh)) < 0.6)
            usual[who] = np.where(shared, case.tool(kind, batch.adapted), usual[who])
        roster = roster[-20:] + fresh
        ip, device = case.tool("ip", batch.adapted), case.tool("device", batch.adapted)
        for place, mine in enumerate((fresh, roster[: len(fresh)])):
            # The same names again on another list, at the same hours.
            if place and (rng.random() < 0.4 + 0.4 * case.now(batch.adapted).camouflage or len(mine) < 5):
                continue
            mode = "in_person" if rng.random() < 0.75 else "online"
            session = case.session(batch.moment, mode=mode, credential=best, careful=False, lead=(5, 16))
            rows = case.book(mine, session, batch.moment + np.cumsum(rng.integers(20, 500, len(mine))))
            hidden = case.disguised(len(mine), batch.adapted)
            for part, value in (("ip", ip), ("device", device)):
                fresh_codes = world.names.new(part, len(mine))
                rows[part] = rows[f"consent_{part}"] = np.where(hidden, fresh_codes, value)
            rows["actor"][:] = "provider" if rng.random() < 0.5 else "learner"
            rows["consent_at"] = rows["created"] + rng.integers(30, 900, len(mine))
            rows["taken"] = np.where(hidden, TABLET, FORGED)
            rows["tablet"][:] = tablet
            rows["attend"] = np.where(hidden, 0.95, 1.0)
            rows["truth"][:] = GHOST
            rows["early_certificate"] = (~hidden & (rng.random(len(mine)) < 0.35)).astype(np.int64)
            _hurry(case, rows, hidden)
            case.keep(rows)


def never_held(case: Case) -> None:
    """A4: real learners book, the training never takes place, and their money does not come back."""
    rng, world = case.rng, case.world
    for batch in case.batches(6, 16):
        learners = case.victims(batch.many, batch.moment)
        if not learners:
            return
        count = len(learners)
        index = case.session(
            batch.moment + 6 * DAY, mode="in_person" if rng.random() < 0.5 else "online", seats=60
        )
        session = case.offer.sessions[index]
        rows = case.book(learners, index, batch.moment + rng.integers(0, 5 * DAY, count))
        rows["consent_at"] = rows["created"] + rng.integers(60, 20 * HOUR, count)
        rows["fate"][:], rows["taken"][:], rows["truth"][:] = NEVER_HELD, NOT_TAKEN, UNTAUGHT
        rows["advance"][:] = 1
        lost = 1.0
        if rng.random() < 0.45:
            # Called off once the advance is there; nobody is paid back.
            session.cancelled_at = session.first - int(rng.integers(-2 * 24, 5 * 24)) * HOUR
            rows["claim_after"][:] = -1
            lost = world.advance_percent / 100
        else:
            session.told = "held" if rng.random() < 0.6 else "planned"
            rows["claim_after"] = rng.integers(4, 90, count) * HOUR
        _noticed(case, rows, denied=0.0, complained=0.16, reason="not_held", within=50, since=session.first)
        case.keep(rows, lost)


def syndicate(case: Case) -> None:
    """A5: dormant firms with paid directors, one hand behind them, and employees nobody employs."""
    rng, world, people, firms = case.rng, case.world, case.world.learners, case.world.providers
    names = world.names
    born = int(rng.integers(-10 * 365, 25 * 365)) * DAY + DAY
    puller, called = names.one("person"), full_names(rng, 1)[0]
    if world.blacklisted and rng.random() < 0.6:
        called, born = world.blacklisted[int(rng.integers(0, len(world.blacklisted)))]
        called = with_typo(rng, called) if rng.random() < 0.5 else called
    contacts = {f"{kind}_hash": names.one(kind) for kind in ("email", "phone", "address", "iban")}
    for place, provider in enumerate(case.providers):
        since = case.begin - int(rng.integers(5, 70)) * DAY
        nominee = {f"{kind}_hash": names.one(kind) for kind in ("email", "phone", "address", "iban")}
        for code, name, day, role, more in (
            (names.one("person"), full_names(rng, 1)[0], born + place * 400 * DAY, "director", nominee),
            (puller, called, born, "shareholder" if rng.random() < 0.6 else "staff", contacts),
        ):
            if code == puller and rng.random() < case.dials.camouflage * 0.5:
                continue
            world.sink.add(
                "persons", person_id=code, full_name=name, birth_date=day, role=role,
                provider_id=int(firms.codes[provider]), valid_from=since, recorded_at=since + 12 * HOUR, **more,
            )  # fmt: skip
        for name in ("iban", "address", "phone", "email"):
            if rng.random() < (0.55 if name == "iban" else 0.35) * (1 - case.dials.rotation):
                case.change_provider(
                    provider, name, contacts[f"{name}_hash"], since + DAY, case.tool("device", False)
                )
        at = np.arange(since + DAY, min(world.end, case.begin + case.days * DAY), 3 * DAY) + 10 * HOUR
        at += rng.integers(0, 7 * HOUR, len(at))
        for moment in at.tolist():
            world.sink.add(
                "logins", subject_kind="provider", subject_id=int(firms.codes[provider]), at=moment,
                ip_hash=case.tool("ip", False) if rng.random() > 0.3 * case.dials.camouflage else names.one("ip"),
                device_hash=case.tool("device", False), recorded_at=moment + 1,
            )  # fmt: skip
        case.mark(since, provider)
    employer = names.one("employer")
    opened = case.begin - int(rng.integers(20, 120)) * DAY
    world.sink.add(
        "employers", employer_id=employer, registered_at=opened, address_hash=contacts["address_hash"],
        iban_hash=names.one("iban"), recorded_at=opened + HOUR,
    )  # fmt: skip
    for turn, batch in enumerate(case.batches(7, 22)):
        crew = [case.pool.pop() for _ in range(min(batch.many, len(case.pool)))]
        if not crew:
            return
        who = np.array(crew)
        people.registered[who] = np.minimum(
            people.registered[who], batch.moment - rng.integers(3, 60, len(crew)) * DAY
        )
        people.opening[who] = np.maximum(people.opening[who], 200_000)
        provider = case.providers[turn % len(case.providers)]
        session = case.session(
            batch.moment,
            mode="online" if rng.random() < 0.5 else "in_person",
            provider=provider,
            lead=(4, 20),
            seats=60,
        )
        rows = case.book(crew, session, batch.moment + np.cumsum(rng.integers(10, 300, len(crew))))
        seen = case.disguised(len(crew), batch.adapted)
        rows["employer"][:], rows["actor"][:] = employer, "employer"
        for part in ("ip", "device"):
            value = case.tool(part, batch.adapted)
            rows[part] = np.full(len(crew), value)
            rows[f"consent_{part}"] = np.where(seen, rows[f"consent_{part}"], value)
        rows["consent_at"] = rows["created"] + rng.integers(30, 5 * HOUR, len(crew))
        rows["taken"], rows["tablet"] = (
            np.where(seen, PAPER, FORGED),
            np.full(len(crew), case.tool("device", batch.adapted)),
        )
        rows["attend"] = np.where(seen, 0.94, 1.0)
        rows["truth"][:] = GHOST
        _hurry(case, rows, seen)
        case.keep(rows)


def kickback(case: Case) -> None:
    """A6: learners get cash for signing; they consent, do not come, and say they did."""
    rng, world, people = case.rng, case.world, case.world.learners
    agent = int(rng.integers(0, len(world.agents)))
    best = case.raise_price(case.first_provider, 1.0)
    town = int(rng.integers(0, len(world.town_lat)))
    case.pool.sort(key=lambda k: int(people.town[k]) != town)
    for batch in case.batches(4, 14):
        learners = case.victims(batch.many, batch.moment)
        if not learners:
            return
        count = len(learners)
        mode = "online" if rng.random() < 0.6 else "in_person"
        session = case.session(
            batch.moment + 3 * DAY,
            mode=mode,
            pattern="online" if mode == "online" else "evenings",
            credential=best,
            seats=80,
        )
        rows = case.book(learners, session, batch.moment + rng.integers(0, 3 * DAY, count))
        seen = case.disguised(count, batch.adapted)
        rows["agent"] = np.where(seen & (rng.random(count) < 0.5), 0, int(world.agents[agent]))
        rows["consent_at"] = rows["created"] + rng.integers(40, 15 * HOUR, count)
        hand = case.tool("ip", batch.adapted, int(world.agent_ip[agent]))
        there = ~seen & (rng.random(count) < 0.35)
        rows["ip"] = np.where(there, hand, rows["ip"])
        rows["taken"] = np.where(seen, PAPER, NOT_TAKEN)
        rows["attend"][:] = np.where(seen, 0.9, 1.0)
        rows["truth"][:] = COLLUDING
        rows["early_certificate"] = (~seen & (rng.random(count) < 0.25)).astype(np.int64)
        _noticed(case, rows, denied=0.0, complained=0.05, reason="gift", within=60)
        _hurry(case, rows, seen)
        case.keep(rows)


def _hurry(case: Case, rows: Rows, seen: Array) -> None:
    quick = case.rng.integers(3, 70, len(seen)) * HOUR
    rows["claim_after"] = np.where(seen, 0, quick)
    rows["certificate_after"] = np.where(seen, 0, case.rng.integers(1, 30, len(seen)) * HOUR)


def _noticed(
    case: Case, rows: Rows, *, denied: float, complained: float, reason: str, within: int, since: int = NEVER
) -> None:
    """Some of those it happens to find out, and say so."""
    rng, count = case.rng, len(rows["learner"])
    begin = rows["created"] if since == NEVER else np.full(count, since)
    at = begin + (rng.beta(1.3, 2.5, count) * within * DAY).astype(np.int64) + 6 * HOUR
    says = rng.random((2, count))
    rows["denied_at"] = np.where(says[0] < denied, at, NEVER)
    rows["complaint_at"] = np.where(says[1] < complained, at + HOUR, NEVER)
    rows["reason"] = np.full(count, reason, dtype=object)


MAKERS: dict[str, tuple[Callable[[Case], None], int]] = {
    "A1": (mass_sign_up, 80),
    "A2": (takeover, 40),
    "A3": (ghosts, 70),
    "A4": (never_held, 55),
    "A5": (syndicate, 110),
    "A6": (kickback, 60),
}


def add_misuse(
    world: World, offer: Offer, dials: Dials, chosen: tuple[str, ...], seed: int, block: int
) -> None:
    """The chosen archetypes; each draws from its own streams, codes and accounts."""
    accounts, names = pools(world), world.names
    for place, name in enumerate(ARCHETYPES):
        if name not in chosen:
            continue
        maker, base = MAKERS[name]
        world.names = Names(seed, block * 8 + place + 1)
        firms = world.providers.by_role[name]
        each = SHELLS if name == "A5" else 1
        cases = [firms[first : first + each] for first in range(0, len(firms), each)]
        for number, providers in enumerate(cases):
            case = Case(
                world, offer, dials, name, providers, world.streams.of(f"case {name} {number}"),
                accounts[name][number :: len(cases)], base,
            )  # fmt: skip
            maker(case)
            case.finish()
    world.names = names


__all__ = ["Batch", "add_misuse"]
