"""A whole population, block by block: what grows with the scale is the number of blocks, not the memory."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fraud.evaluation.generator import lookalikes
from fraud.evaluation.generator.archetypes import add_misuse
from fraud.evaluation.generator.basis import DAY, Names, Sink, Streams, seconds
from fraud.evaluation.generator.dials import ARCHETYPES, MONTHS, Dials, Size
from fraud.evaluation.generator.honest import (
    Demand,
    change_contacts,
    live,
    plan_sessions,
    sign_in,
    write_credits,
)
from fraud.evaluation.generator.offer import make_offer, write_rules, write_sessions
from fraud.evaluation.generator.people import (
    TOWNS,
    World,
    add_blacklist,
    add_employers,
    add_persons,
    make_learners,
    make_providers,
    write_learners,
    write_providers,
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """Which population is wanted."""

    seed: int
    out: Path
    scale: float = 1.0
    archetypes: tuple[str, ...] = ARCHETYPES
    dials: Dials = field(default_factory=Dials)
    start: str = "2025-01-01"

    def __post_init__(self) -> None:
        if not 0 < self.scale <= 100:
            raise ValueError("scale is above 0 and at most 100")
        if self.seed < 0:
            raise ValueError("seed is 0 or above")
        np.datetime64(self.start, "M")


def generate(order: Order) -> dict[str, int]:
    """Write the population's CSV files; the number of rows of each."""
    first = np.datetime64(order.start, "M")
    start, end = seconds(f"{first}-01"), seconds(f"{first + MONTHS}-01") - 1
    sink = Sink(order.out, end)
    blocks = max(1, int(np.ceil(order.scale - 1e-9)))
    try:
        for block in range(blocks):
            _block(order, sink, block, Size.of(order.scale / blocks), start, end)
    finally:
        sink.close()
    return sink.rows


def _block(order: Order, sink: Sink, block: int, size: Size, start: int, end: int) -> None:
    world = _world(order, sink, block, size, start, end)
    lookalikes.before_life(world)
    add_persons(world)
    offer = make_offer(world)
    if block == 0:
        write_rules(world, offer)
    plan_sessions(world, offer)
    demand = Demand(world, offer)
    for index in range(len(offer.sessions)):
        demand.fill(index)
    lookalikes.add_demand(world, offer, demand)
    rows, codes = live(world, offer, demand)
    change_contacts(world, rows)
    sign_in(world)
    lookalikes.merge_firms(world)
    lookalikes.label(world, offer, rows, codes, demand)
    add_blacklist(world)
    add_misuse(world, offer, order.dials, order.archetypes, order.seed, block)
    write_learners(world)
    write_providers(world)
    write_credits(world)
    write_sessions(world, offer)
    sink.flush(world.names, world.streams.of("order of rows"))


def _world(order: Order, sink: Sink, block: int, size: Size, start: int, end: int) -> World:
    streams, names = Streams(order.seed, block), Names(order.seed, block * 8)
    rules = Streams(order.seed, 0).of("rules")
    rng = streams.of("towns")
    towns = np.array([rng.uniform(43, 51, TOWNS), rng.uniform(-1, 8, TOWNS)])
    firms = make_providers(streams, names, size, start, towns)
    ties = streams.of("agents")
    for style in firms.style:
        many = int(ties.integers(1, 4)) if style == "agent_fed" else 0
        firms.agents.append(ties.choice(size.agents, size=many, replace=False).tolist())
    employers = names.new("employer", size.employers)
    world = World(
        names=names,
        streams=streams,
        sink=sink,
        size=size,
        start=start,
        end=end,
        offset=3_600 * int(rules.integers(0, 3)),
        lead_days=int(rules.choice([10, 14, 21, 30])),
        advance_percent=int(rules.choice([20, 30, 50])),
        learners=make_learners(streams, names, size, start, end, towns),
        providers=firms,
        agents=np.zeros(size.agents, dtype=np.int64),
        agent_ip=names.new("ip", size.agents),
        agent_device=names.new("device", size.agents),
        employers=employers,
        employer_ip=names.new("ip", size.employers),
        employer_device=names.new("device", size.employers),
        town_lat=towns[0],
        town_lon=towns[1],
        blacklisted=[],
        directors={},
    )
    founded = start - streams.of("employers founded").integers(-60, 1_500, size.employers) * DAY
    add_employers(world, founded)
    return world
