"""The case `search`: the catalogue's page for faceted searches over many offers, beside the bare SQL of the same.

Ours is the whole way: a request goes in through the middleware, a page of HTML comes out. The floor is what the
database needs for the same page, sent by pgbench: the counts of the facets and the first page's entries, for the same
words and filters, from the same tables. `search_sql` is that SQL again, sent by the same clients as ours, in turns
with it: its middle (`p50_ms`) is what our `p99_ms` is held against.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from psycopg import ClientCursor

from accounts.models import User
from catalogue.models import (
    CredentialState,
    MicroCredential,
    MicroCredentialLog,
    Offer,
    Session,
    SessionLog,
    SessionState,
)
from catalogue.selectors.search import Search, make_search
from catalogue.selectors.traits import Tally
from catalogue.services import listings
from catalogue.views.search import PER_PAGE
from funding.bench.bulk import continue_numbers, execute, fill, settle
from funding.bench.clients import run_clients
from funding.bench.figures import Figures, Timings, together
from funding.bench.floor import run_pgbench
from funding.bench.world import CREDENTIALS, PROVIDERS, WORDS, World
from ila.core import clock

CLIENTS = 2
TURNS = 4
PIECES = 5_000
WARM_UP = 10
SEARCHES = 80
TERMS = 3_000
"""Words of the descriptions: the k-th is in a part of the entries that falls as 1 / k."""

MODES = ("in_person", "online", "blended")
KINDS = ("rs", "rncp", "course", "curated_course", "business_creation", "skills_assessment")
TOWNS = ("Paris", "Lyon", "Lille", "Nantes", "Toulouse", "Bordeaux", "Rennes", "Dijon", "Metz", "Tours")
LANGUAGES = ("fr", "en", "de")


def measure_search(world: World, *, seconds: float, offers: int) -> list[Figures]:
    """Pages a second over so many offers, and the bare SQL's a second, in turns."""
    _fill_catalogue(world, offers)
    settle()
    drawn = _searches()
    shares = [_shuffled(drawn, client) for client in range(CLIENTS)]
    ours: list[Timings] = []
    bare: list[Timings] = []
    for _ in range(TURNS):
        ours.append(run_clients(shares, _page, seconds=seconds / TURNS, warm_up=WARM_UP))
        bare.append(run_clients(shares, _bare, seconds=seconds / TURNS / 2, warm_up=WARM_UP))
    floor = run_pgbench(_script(drawn), clients=CLIENTS, seconds=max(1, round(seconds / 2)))
    return [
        together(ours).figures("search", floor_per_s=floor, clients=CLIENTS),
        together(bare).figures("search_sql", floor_per_s=floor, clients=CLIENTS),
    ]


def _page(asked: Mapping[str, str]) -> None:
    answer = _CLIENT.get("/catalogue/", asked, secure=True)
    if answer.status_code != 200 or b"ila-toolbar" not in answer.content:
        raise RuntimeError(f"no page of results for {asked}: {answer.status_code}")


def _bare(asked: Mapping[str, str]) -> None:
    with connection.cursor() as cursor:
        for text, params in _statements(asked):
            cursor.execute(text, params)
            cursor.fetchall()


def _statements(asked: Mapping[str, str]) -> list[tuple[str, list[Any]]]:
    """What a first page sends: all facets at once, and the cards in order."""
    return _PREPARED[frozenset(asked.items())]


def _sent(search: Search, tally: Tally) -> list[tuple[str, list[Any]]]:
    sent = [search.tally_statement()]
    with connection.cursor() as cursor:
        for text, params in search.page_statements(tally, sort="", offset=0, limit=PER_PAGE):
            sent.append((text, params))
            cursor.execute(text, params)
            if len(cursor.fetchall()) == PER_PAGE:
                break
    return sent


def _searches() -> list[dict[str, str]]:
    """Half of them words alone, a third words with filters, the rest filters alone, or nothing at all."""
    dice = Random(4)  # noqa: S311 - which searches are drawn is no secret
    drawn: list[dict[str, str]] = []
    now = clock.now()
    while len(drawn) < SEARCHES:
        asked: dict[str, str] = {}
        if dice.random() < 0.85:
            many = dice.choice((1, 1, 2))
            asked["q"] = " ".join(
                dice.choice((dice.choice(WORDS), _term(dice.randrange(2, TERMS)))) for _ in range(many)
            )
        filters = {
            "kind": dice.choice(KINDS),
            "mode": dice.choice(MODES),
            "price": "150000",
            "bookable": "on",
            "place": dice.choice(TOWNS),
        }
        for name in dice.sample(sorted(filters), dice.choice((0, 0, 1, 1, 2))):
            asked[name] = filters[name]
        search = make_search(_typed(asked), now)
        tally = search.tally()
        if tally.total:
            drawn.append(asked)
            _PREPARED[frozenset(asked.items())] = _sent(search, tally)
    return drawn


def _typed(asked: Mapping[str, str]) -> dict[str, Any]:
    typed: dict[str, Any] = dict(asked)
    return typed | {"price": int(asked["price"])} if "price" in asked else typed


def _shuffled(drawn: list[dict[str, str]], client: int) -> list[dict[str, str]]:
    pieces = drawn * (PIECES // len(drawn))
    Random(client).shuffle(pieces)  # noqa: S311 - nor is their order
    return pieces


def _script(drawn: Iterable[Mapping[str, str]]) -> str:
    """A pgbench script that draws one of the searches each time."""
    connection.ensure_connection()
    cursor = ClientCursor(connection.connection)
    lines = [f"\\set n random(1, {SEARCHES})"]
    for number, asked in enumerate(drawn, start=1):
        lines.append(f"\\{'if' if number == 1 else 'elif'} :n = {number}")
        lines += [f"{' '.join(cursor.mogrify(text, params).split())};" for text, params in _statements(asked)]
    return "\n".join([*lines, "\\endif", ""])


def _term(number: int) -> str:
    """A made-up word: letters only, each number another."""
    letters = ""
    while number:
        number, rest = divmod(number, 20)
        letters = "bcdfghjklmnpqrstvwxz"[rest] + letters
    return "o".join(letters) + "ane"


def _array(values: Iterable[str]) -> str:
    return "ARRAY[" + ", ".join(f"'{value}'" for value in values) + "]"


def _fill_catalogue(world: World, offers: int) -> None:
    """As many entries as it takes to have so many, of many kinds, places, prices and dates."""
    now = clock.now()
    since = now - timedelta(days=400)
    numbers = (CREDENTIALS + 1, offers)
    terms = _array(_term(number) for number in range(TERMS))
    title = " || ' ' || ".join(
        f"({_array(WORDS)})[1 + (n * {step} + n / {part}) %% {len(WORDS)}]"
        for step, part in ((1, 33), (7, 1089), (13, 35937))
    )
    text = (
        f"(SELECT string_agg(({terms})[1 + floor(power({TERMS}, (hashtext(n || ' ' || k) & 65535) / 65536.0))::int"
        f" %% {TERMS}], ' ') FROM generate_series(1, 25) AS k)"
    )

    def pick(values: tuple[str, ...], salt: str) -> str:
        return f"({_array(values)})[1 + (hashtext(n || '{salt}') & 65535) %% {len(values)}]"

    fill(
        MicroCredential(
            kind="rs", code="RS1", currency="EUR", state=CredentialState.REGISTERED,
            registered_at=since, created_at=since, updated_at=since,
        ),
        numbers,
        id="n",
        provider_id=f"1 + n %% {PROVIDERS}",
        external_id="'c' || n",
        entry=f"lpad((1 + n %% {PROVIDERS})::text, 14, '0') || '/c' || n",
        title=title,
        search_text=f"{title} || ' ' || {text}",
        kind=pick(KINDS, "kind"),
        language=pick(LANGUAGES, "language"),
        hours="1 + (hashtext(n || 'hours') & 511)",
    )  # fmt: skip
    _log(MicroCredentialLog, world.actor, numbers, target=CredentialState.REGISTERED)
    fill(
        Offer(external_id="a", country="FR", currency="EUR", price_cents=1),
        numbers,
        id="n",
        micro_credential_id="n",
        mode=pick(MODES, "mode"),
        city=pick(TOWNS, "town"),
        price_cents="20000 + (hashtext(n || 'price') & 262143)",
    )
    with_sessions = (CREDENTIALS + 1, offers * 6 // 10)
    fill(
        Session(
            external_id="s", currency="EUR", price_cents=1, state=SessionState.OPEN,
            opened_at=since, created_at=since, updated_at=since,
        ),
        with_sessions,
        id="n",
        micro_credential_id="n",
        offer_id="n",
        starts_at="now() + ((hashtext(n || 'start') & 511) - 60) * interval '1 day'",
        ends_at="now() + ((hashtext(n || 'start') & 511) - 55) * interval '1 day'",
        price_cents="20000 + (hashtext(n || 'price') & 262143)",
    )  # fmt: skip
    _log(SessionLog, world.actor, with_sessions, target=SessionState.OPEN)
    continue_numbers(MicroCredential, Offer, Session)
    listings.bring_all_up_to_date()
    listings.count_words()
    counted = execute("SELECT count(*) FROM catalogue_listing")[0][0]
    if counted != offers:
        raise RuntimeError(f"the list has {counted} lines, not {offers}")


def _log(model: type[Any], actor: User, numbers: tuple[int, int], *, target: str) -> None:
    fill(model(actor=actor, transition="create", target=target, at=clock.now()), numbers, subject_id="n")


def _host() -> str:
    """A host name that the settings admit."""
    return next((name for name in settings.ALLOWED_HOSTS if name[:1] not in {"*", ".", "["}), "localhost")


_CLIENT = Client(headers={"host": _host()})
_PREPARED: dict[frozenset[tuple[str, str]], list[tuple[str, list[Any]]]] = {}
