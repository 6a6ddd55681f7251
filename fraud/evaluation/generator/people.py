"""Who is there: learners, providers and the persons behind them, employers, agents, places, a blacklist."""

from dataclasses import dataclass, field

import numpy as np

from fraud.evaluation.generator.basis import DAY, HOUR, NEVER, Array, Names, Sink, Streams, seconds
from fraud.evaluation.generator.dials import Size
from fraud.evaluation.generator.words import full_names, legal_names, with_typo

TOWNS = 9
SHELLS = 4
# Names of one role that the cases and lookalikes ask for, and how many of each (per case or lookalike).
_CASES = {"A1": 1, "A2": 1, "A3": 1, "A4": 1, "A6": 1}
_LOOKALIKES = {
    "employer_bulk": 1,
    "prison": 1,
    "family_chain": 3,
    "bootcamp": 1,
    "launch_spike": 1,
    "cap_price": 1,
    "merged_company": 2,
    "namesake": 1,
}
_STYLES = ("classroom", "agent_fed", "employer_fed", "one_course", "tiny", "online_bulk", "silent")
_STYLE_SHARES = (0.33, 0.11, 0.12, 0.13, 0.19, 0.06, 0.06)


@dataclass
class Learners:
    codes: Array
    birth_year: Array
    registered: Array
    email: Array
    phone: Array
    address: Array
    iban: Array
    lat: Array
    lon: Array
    town: Array
    ip: Array
    device: Array
    opening: Array  # cents there at registration
    spent: Array  # cents of public money booked so far
    reserved: Array  # never part of honest life
    days: dict[int, set[int]] = field(default_factory=dict)  # days on which a learner already sits somewhere


@dataclass
class Providers:
    codes: Array
    names: list[str]
    style: list[str]
    role: list[str]
    weight: Array
    incorporated: Array
    accredited: Array
    iban: Array
    email: Array
    phone: Array
    address: Array
    lat: Array
    lon: Array
    town: Array
    ip: Array
    device: Array
    tablet: Array  # the device on which learners sign; 0: each on their own
    trainers: list[list[int]] = field(default_factory=list)
    venues: list[list[int]] = field(default_factory=list)
    agents: list[list[int]] = field(default_factory=list)
    by_role: dict[str, list[int]] = field(default_factory=dict)


@dataclass
class World:
    """One block of the population while it is made."""

    names: Names
    streams: Streams
    sink: Sink
    size: Size
    start: int
    end: int
    offset: int  # seconds that local time is ahead of UTC
    lead_days: int
    advance_percent: int
    learners: Learners
    providers: Providers
    agents: Array
    agent_ip: Array
    agent_device: Array
    employers: Array
    employer_ip: Array
    employer_device: Array
    town_lat: Array
    town_lon: Array
    blacklisted: list[tuple[str, int]]  # name, day of birth
    directors: dict[int, tuple[int, str, int]]  # provider: person, name, day of birth

    def late(self, rng: np.random.Generator, moments: Array, share: float = 0.05) -> Array:
        """When rows of these moments are recorded: within minutes, and a share of them days later."""
        soon = rng.exponential(90, len(moments))
        slow = rng.exponential(6 * DAY, len(moments)) + 0.5 * DAY
        delay = np.where(rng.random(len(moments)) < share, slow, soon).astype(np.int64) + 1
        return np.where(moments == NEVER, NEVER, moments + delay)


def make_learners(streams: Streams, names: Names, size: Size, start: int, end: int, towns: Array) -> Learners:
    """Account holders; households share addresses, half of them a phone."""
    rng, count = streams.of("learners"), size.learners
    sizes = rng.choice([1, 2, 3, 4], p=[0.74, 0.16, 0.06, 0.04], size=count)
    house = np.repeat(np.arange(count), sizes)[:count]
    weights = rng.dirichlet(np.full(TOWNS, 3.0))
    town = rng.choice(TOWNS, p=weights, size=count)[house]
    spread = np.where(rng.random(count) < 0.8, 0.06, 0.35)[house]
    registered = np.where(
        rng.random(count) < 0.68,
        start - rng.integers(5 * DAY, 900 * DAY, count),
        start + (rng.beta(1.1, 1.0, count) * (end - start - 20 * DAY)).astype(np.int64),
    )
    registered = registered // DAY * DAY + (rng.normal(15, 4, count).clip(5, 22.9) * HOUR).astype(np.int64)
    phones, own_phone = names.new("phone", count), rng.random(count) < 0.5
    emails, own_email = names.new("email", count), rng.random(count) < 0.96
    ibans, own_iban = names.new("iban", count), rng.random(count) < 0.85
    carriers = names.new("ip", max(3, count // 700))
    carried = carriers[rng.integers(0, len(carriers), count)]
    index = np.arange(count)
    return Learners(
        codes=names.new("learner", count),
        birth_year=(1957 + 50 * rng.beta(2.2, 1.8, count)).astype(np.int64),
        registered=registered,
        email=np.where(own_email, emails, emails[house]),
        phone=np.where(own_phone, phones, phones[house]),
        address=names.new("address", count)[house],
        iban=np.where(own_iban, ibans, ibans[house]),
        lat=towns[0][town] + (rng.normal(size=count) * spread)[house],
        lon=towns[1][town] + (rng.normal(size=count) * spread)[house],
        town=town,
        ip=np.where(rng.random(count) < 0.14, carried, names.new("ip", count)[house]),
        device=names.new("device", count),
        opening=(rng.choice([500, 1000, 1500, 2500, 4000], p=[0.2, 0.25, 0.25, 0.2, 0.1], size=count) * 100),
        spent=np.zeros(count, dtype=np.int64),
        reserved=index >= round(count * 0.92),
    )


def make_providers(streams: Streams, names: Names, size: Size, start: int, towns: Array) -> Providers:
    """Training firms of log-normal size; who will misuse and who will look like it is drawn first."""
    rng, count = streams.of("providers"), size.providers
    role = [""] * count
    order = iter(streams.of("roles").permutation(count).tolist())
    by_role: dict[str, list[int]] = {}
    wanted = {name: each * size.cases for name, each in _CASES.items()}
    wanted["A5"] = SHELLS * max(1, size.cases // 2)
    wanted |= {name: each * size.lookalikes for name, each in _LOOKALIKES.items()}
    for name, many in wanted.items():
        by_role[name] = [next(order) for _ in range(many)]
        for index in by_role[name]:
            role[index] = name
    style = [str(word) for word in rng.choice(_STYLES, p=_STYLE_SHARES, size=count)]
    weight = rng.lognormal(0, 1.0, count)
    for index in range(count):
        if role[index] == "A5":
            style[index] = "silent"
        elif role[index] and style[index] in {"silent", "tiny"}:
            style[index] = "classroom"
        weight[index] *= {"tiny": 0.12, "online_bulk": 3.0, "silent": 0.0, "one_course": 0.6}.get(
            style[index], 1.0
        )
        if role[index] in {"bootcamp", "prison", "namesake", "family_chain", "merged_company"}:
            weight[index] = max(weight[index], 0.5)
    for index in by_role["cap_price"]:
        style[index], weight[index] = "one_course", max(2.0, weight[index])
    young = rng.random(count) < 0.15
    accredited = start + np.where(
        young, rng.integers(5, 270, count) * DAY, -rng.integers(90, 1800, count) * DAY
    )
    for index in by_role["launch_spike"]:
        accredited[index] = start + int(rng.integers(60, 200)) * DAY
    for name in ("A1", "A2", "A3", "A4", "A6", "family_chain", "merged_company", "employer_bulk", "prison"):
        for index in by_role[name]:
            accredited[index] = min(accredited[index], start + 60 * DAY)
    town = rng.integers(0, TOWNS, count)
    centre = names.one("address")
    return Providers(
        codes=names.new("provider", count),
        names=legal_names(rng, count),
        style=style,
        role=role,
        weight=weight,
        incorporated=accredited - rng.integers(120, 6000, count) * DAY,
        accredited=accredited + 9 * HOUR + rng.integers(0, 8 * HOUR, count),
        iban=names.new("iban", count),
        email=names.new("email", count),
        phone=names.new("phone", count),
        # A business centre houses some firms that have nothing to do with one another.
        address=np.where(rng.random(count) < 0.04, centre, names.new("address", count)),
        lat=towns[0][town] + rng.normal(size=count) * 0.03,
        lon=towns[1][town] + rng.normal(size=count) * 0.03,
        town=town,
        ip=names.new("ip", count),
        device=names.new("device", count),
        tablet=np.where(rng.random(count) < 0.4, names.new("device", count), 0),
        by_role=by_role,
    )


def add_persons(world: World) -> None:
    """Directors, shareholders, staff, trainers and agents, as they are registered."""
    rng, names, firms = world.streams.of("persons"), world.names, world.providers
    rows: list[tuple[int, str, int, str, int, int, int]] = []
    since = firms.incorporated // DAY * DAY

    def person(count: int) -> tuple[Array, list[str], Array]:
        born = seconds("1955-01-01") + rng.integers(0, 46 * 365, count) * DAY
        return names.new("person", count), full_names(rng, count), born

    count = len(firms.codes)
    heads = person(count)
    for index in range(count):
        head = index
        # Some found several firms; those of a chain or a merger have had the same director for years.
        if rng.random() < 0.05 and index:
            head = int(rng.integers(0, index))
        for chain, each in (("family_chain", 3), ("merged_company", 2)):
            if firms.role[index] == chain:
                mine = firms.by_role[chain]
                head = mine[mine.index(index) // each * each]
                since[index] = min(since[index], world.start - 700 * DAY)
                firms.incorporated[index] = since[index]
        who = (int(heads[0][head]), heads[1][head], int(heads[2][head]))
        world.directors[index] = who
        rows.append((*who, "director", index, int(since[index]), NEVER))
        if rng.random() < 0.7:
            rows.append((*who, "shareholder", index, int(since[index]), NEVER))
        for role, many in (("shareholder", rng.poisson(0.5)), ("staff", rng.poisson(1.5))):
            codes, called, born = person(int(many))
            rows.extend(
                (int(codes[k]), called[k], int(born[k]), role, index, int(since[index]), NEVER)
                for k in range(int(many))
            )
    freelance = person(max(2, count // 10))
    for index in range(count):
        many = 2 + int(rng.poisson(min(9.0, 1.2 * firms.weight[index])))
        codes, called, born = person(many)
        team = [(int(codes[k]), called[k], int(born[k])) for k in range(many)]
        if rng.random() < 0.3:
            k = int(rng.integers(0, len(freelance[1])))
            team.append((int(freelance[0][k]), freelance[1][k], int(freelance[2][k])))
        firms.trainers.append([code for code, _name, _born in team])
        rows.extend((*who, "trainer", index, int(since[index]), NEVER) for who in team)
    codes, called, born = person(len(world.agents))
    world.agents[:] = codes
    for k in range(len(codes)):
        tied = [index for index in range(count) if k in firms.agents[index]]
        home = tied[0] if tied and rng.random() < 0.3 else -1
        rows.append((int(codes[k]), called[k], int(born[k]), "agent", home, world.start - 400 * DAY, NEVER))
    _write_persons(world, rng, rows)


def _write_persons(
    world: World, rng: np.random.Generator, rows: list[tuple[int, str, int, str, int, int, int]]
) -> None:
    count = len(rows)
    codes = np.array([row[0] for row in rows])
    _different, inverse = np.unique(codes, return_inverse=True)
    contacts = {kind: world.names.new(kind, count)[inverse] for kind in ("email", "phone", "address", "iban")}
    called = [with_typo(rng, row[1]) if rng.random() < 0.02 else row[1] for row in rows]
    owner = np.array([world.providers.codes[row[4]] if row[4] >= 0 else 0 for row in rows])
    world.sink.add(
        "persons",
        person_id=codes,
        full_name=np.array(called, dtype=object),
        birth_date=np.array([row[2] for row in rows]),
        role=np.array([row[3] for row in rows], dtype=object),
        provider_id=owner,
        valid_from=np.array([row[5] for row in rows]),
        valid_until=np.array([row[6] for row in rows]),
        recorded_at=np.array([row[5] for row in rows]) + 10 * HOUR,
        **{f"{kind}_hash": values for kind, values in contacts.items()},
    )


def add_blacklist(world: World) -> None:
    """Persons and firms that are barred; some names occur among honest directors too."""
    rng = world.streams.of("blacklist")
    count = 50
    called, firms = full_names(rng, count), legal_names(rng, count)
    born = seconds("1958-01-01") + rng.integers(0, 40 * 365, count) * DAY
    for k, index in enumerate(world.providers.by_role["namesake"]):
        _code, name, day = world.directors[index]
        # The same name, born in another decade.
        called[k], born[k] = name, day - 4_321 * DAY
    listed = world.start - rng.integers(-120, 1_000, count) * DAY + 11 * HOUR
    listed[: len(world.providers.by_role["namesake"])] = world.start - 300 * DAY
    world.blacklisted.extend(zip(called[10:], born[10:].tolist(), strict=True))
    world.sink.add(
        "blacklist",
        entry_id=world.names.new("entry", count),
        person_name=np.array(called, dtype=object),
        birth_date=born,
        entity_name=np.array([firm if k % 2 else "" for k, firm in enumerate(firms)], dtype=object),
        listed_at=listed,
        until=listed // DAY * DAY + 1_826 * DAY,
        recorded_at=listed + HOUR,
    )


def add_employers(world: World, registered: Array) -> None:
    """Firms that book for their people; most of their addresses are known as employers'."""
    rng, count = world.streams.of("employers"), len(world.employers)
    world.sink.add(
        "employers",
        employer_id=world.employers,
        registered_at=registered,
        address_hash=world.names.new("address", count),
        iban_hash=world.names.new("iban", count),
        recorded_at=registered + HOUR,
    )
    known = rng.random(count) < 0.85
    known[: world.size.lookalikes] = True
    world.sink.add(
        "places",
        ip_hash=world.employer_ip[known],
        kind="employer",
        recorded_at=np.maximum(registered[known], world.start - 200 * DAY) + 2 * DAY,
    )


def write_learners(world: World) -> None:
    """The accounts as they were opened, after every part has had its say."""
    people = world.learners
    world.sink.add(
        "learners",
        learner_id=people.codes,
        birth_year=people.birth_year,
        registered_at=people.registered,
        email_hash=people.email,
        phone_hash=people.phone,
        address_hash=people.address,
        iban_hash=people.iban,
        lat=people.lat,
        lon=people.lon,
        recorded_at=people.registered + 30,
    )


def write_providers(world: World) -> None:
    firms = world.providers
    world.sink.add(
        "providers",
        provider_id=firms.codes,
        legal_name=np.array(firms.names, dtype=object),
        incorporated_at=firms.incorporated // DAY * DAY + 8 * HOUR,
        accredited_at=firms.accredited,
        iban_hash=firms.iban,
        email_hash=firms.email,
        phone_hash=firms.phone,
        address_hash=firms.address,
        lat=firms.lat,
        lon=firms.lon,
        recorded_at=firms.accredited + 60,
    )
