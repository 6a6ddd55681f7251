"""Nine honest things that only look like misuse; each is labelled `honest:<name>` with an amount of 0."""

import numpy as np

from fraud.evaluation.generator.basis import DAY, HOUR, MINUTE, NEVER, Array
from fraud.evaluation.generator.honest import Asked, Demand
from fraud.evaluation.generator.lifecycle import Rows
from fraud.evaluation.generator.offer import Offer, open_session
from fraud.evaluation.generator.people import World


def before_life(world: World) -> None:
    """What is so from the start: one bank account of a family's firms."""
    firms = world.providers
    chain = firms.by_role["family_chain"]
    for first in range(0, len(chain), 3):
        for index in chain[first + 1 : first + 3]:
            firms.iban[index] = firms.iban[chain[first]]
            firms.address[index] = firms.address[chain[first]] if index % 2 else firms.address[index]


def add_demand(world: World, offer: Offer, demand: Demand) -> None:
    """Bookings in bulk, from one address, that are all wanted."""
    _employers(world, offer, demand)
    _prisons(world, offer, demand)
    _libraries(world, offer, demand)


def _employers(world: World, offer: Offer, demand: Demand) -> None:
    rng = world.streams.of("employer_bulk")
    for k, provider in enumerate(world.providers.by_role["employer_bulk"]):
        for _batch in range(3):
            mine = offer.of_provider[provider]
            day = (
                max(world.start, int(world.providers.accredited[provider]))
                + int(rng.integers(110, 380)) * DAY
            )
            for _group in range(3):
                open_session(
                    world, offer, rng, credential=mine[0], day=day // DAY * DAY, pattern="full_days", seats=14,
                    mode="in_person",
                )  # fmt: skip
                demand.by_employer(len(offer.sessions) - 1, 14, note="", employer=k)


def _prisons(world: World, offer: Offer, demand: Demand) -> None:
    rng, people = world.streams.of("prison"), world.learners
    for provider in world.providers.by_role["prison"]:
        ip, desks, home = world.names.one("ip"), world.names.new("device", 2), world.names.one("address")
        phone = world.names.one("phone")
        world.sink.add("places", ip_hash=ip, kind="prison", recorded_at=world.start - 90 * DAY)
        free = np.flatnonzero((people.registered < world.start) & ~people.reserved)
        inmates = rng.choice(free, size=min(60, len(free) // 8), replace=False)
        inmates = np.array([who for who in inmates.tolist() if who not in people.days])
        people.address[inmates], people.phone[inmates] = home, phone
        people.ip[inmates], people.device[inmates] = ip, rng.choice(desks, len(inmates))
        begin = max(world.start, int(world.providers.accredited[provider]))
        for turn in range(5):
            day = begin // DAY * DAY + (60 + 70 * turn + int(rng.integers(0, 20))) * DAY
            open_session(
                world, offer, rng, credential=offer.of_provider[provider][0], day=day, pattern="mornings", seats=12,
                mode="in_person",
            )  # fmt: skip
            index = len(offer.sessions) - 1
            moment = day - 25 * DAY + 9 * HOUR
            for learner in inmates[turn * 12 : turn * 12 + 12].tolist():
                moment += int(rng.integers(2, 9)) * MINUTE
                demand.add(
                    Asked(learner, index, moment, "learner", note=f"at:{ip},{int(people.device[learner])}")
                )


def _libraries(world: World, offer: Offer, demand: Demand) -> None:
    """A reading room's computers, on which a town books."""
    rng, people = world.streams.of("library_kiosk"), world.learners
    for _library in range(world.size.lookalikes):
        ip, desks = world.names.one("ip"), world.names.new("device", 2).tolist()
        town = int(rng.integers(0, len(world.town_lat)))
        world.sink.add("places", ip_hash=ip, kind="library", recorded_at=world.start - 30 * DAY)
        for asked in demand.asked:
            alone = asked.actor == "learner" and not asked.note
            if alone and people.town[asked.learner] == town and rng.random() < 0.07:
                asked.note = f"at:{ip},{desks[int(rng.integers(0, 2))]}"
        # An open day: many in one afternoon, each for themselves.
        day = world.start + int(rng.integers(40, 300)) * DAY
        placed = 0
        for index in rng.permutation(len(offer.sessions)).tolist():
            session = offer.sessions[index]
            if not day + 5 * DAY < session.first < day + 50 * DAY or session.cancelled_at != NEVER:
                continue
            learner = int(rng.choice(demand.towns[town][0]))
            moment = day + 13 * HOUR + int(rng.integers(0, 100)) * MINUTE
            note = f"at:{ip},{desks[int(rng.integers(0, 2))]}"
            if not people.reserved[learner]:
                placed += demand.add(Asked(learner, index, moment, "learner", note=note))
            if placed >= 14:
                break


def merge_firms(world: World) -> None:
    """Two firms become one: the second takes the first's bank account and moves in; its trainers are hired."""
    rng, firms = world.streams.of("merged_company"), world.providers
    mine = firms.by_role["merged_company"]
    for first in range(0, len(mine), 2):
        a, b = mine[first : first + 2]
        at = world.start + int(rng.integers(120, 330)) * DAY + 10 * HOUR
        for name in ("iban", "address", "email", "phone"):
            world.sink.add(
                "contact_changes",
                subject_kind="provider",
                subject_id=int(firms.codes[b]),
                field=name,
                old_hash=int(getattr(firms, name)[b]),
                new_hash=int(getattr(firms, name)[a]),
                at=at,
                device_hash=int(firms.device[b]),
                recorded_at=at + 1,
            )


def label(world: World, offer: Offer, rows: Rows, codes: Array, demand: Demand) -> None:
    """One row per firm, and one per booking at a library's computer."""
    firms = world.providers
    began: dict[int, int] = {}
    for session, created in zip(rows["session"].tolist(), rows["created"].tolist(), strict=True):
        provider = offer.sessions[session].provider
        began[provider] = min(created, began.get(provider, created))
    for name in (
        "employer_bulk",
        "prison",
        "family_chain",
        "bootcamp",
        "launch_spike",
        "cap_price",
        "merged_company",
        "namesake",
    ):
        for provider in firms.by_role[name]:
            at = began.get(provider, max(world.start, int(firms.accredited[provider])))
            world.sink.add(
                "labels", subject_kind="provider", subject_id=int(firms.codes[provider]), archetype=f"honest:{name}",
                started_at=at, amount_cents=0, recorded_at=at,
            )  # fmt: skip
    kiosk = np.array([a.note.startswith("at:") for a in demand.asked], dtype=bool)
    prison = set(firms.by_role["prison"])
    kiosk &= np.array([offer.sessions[a.session].provider not in prison for a in demand.asked], dtype=bool)
    world.sink.add(
        "labels", subject_kind="booking", subject_id=codes[kiosk], archetype="honest:library_kiosk",
        started_at=rows["created"][kiosk], amount_cents=0, recorded_at=rows["created"][kiosk],
    )  # fmt: skip
