"""The scratch database's contents: a catalogue, a history of bookings, proposals that wait for an answer."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import (
    Citizen,
    Consent,
    ConsentLog,
    Membership,
    Message,
    Organisation,
    OrganisationKind,
    Role,
    SignIn,
    User,
)
from accounts.services import service_users
from catalogue.models import (
    Accreditation,
    AccreditationLog,
    AccreditationState,
    CredentialState,
    MicroCredential,
    MicroCredentialLog,
    Offer,
    Provider,
    Session,
    SessionLog,
    SessionSeats,
    SessionState,
)
from funding.bench.bulk import Range, bare_tables, continue_numbers, execute, fill
from funding.models import (
    Allocation,
    Booking,
    BookingLog,
    BookingState,
    Budget,
    Fund,
    JournalEntry,
    LearningAccount,
    Lot,
    Posting,
    Scheme,
    SchemeVersion,
    Source,
    version_on,
)
from funding.services import schemes
from ila.core import clock
from ila.core.fsm import TransitionLog

PROVIDERS = 200
CREDENTIALS = 10_000
SESSIONS = 5_000
POSTINGS_OF_A_BOOKING = 5
"""Its credit, and two for each of its two sources."""

RIGHTS_CENTS = 500_000
PRICE_CENTS = 165_000
RIGHTS_SHARE_CENTS = 150_000
OWN_SHARE_CENTS = PRICE_CENTS - RIGHTS_SHARE_CENTS
ENTRY_OF_CREDIT = 1_000
WORDS = [
    "management",
    "accounting",
    "english",
    "welding",
    "first",
    "aid",
    "driving",
    "forklift",
    "python",
    "data",
    "security",
    "cooking",
    "hygiene",
    "electricity",
    "plumbing",
    "spanish",
    "negotiation",
    "marketing",
    "photography",
    "carpentry",
    "logistics",
    "nursing",
    "childcare",
    "leadership",
    "spreadsheet",
    "drawing",
    "programming",
    "german",
    "chemistry",
    "gardening",
    "masonry",
    "sales",
    "tourism",
]

HASHED_UUID = "md5(n || '{salt}')::uuid"


@dataclass(frozen=True, slots=True)
class World:
    """What was made, by number: bookings, learners, users and sign-ins of one number belong together.

    pending: proposals over many sessions. crowded: proposals of one session, which has a seat for each.
    """

    scheme: Scheme
    version: SchemeVersion
    actor: User
    past: Range
    pending: Range
    crowded: Range
    crowded_session: int


def build_world(*, history: int, pending: int, crowded: int) -> World:
    """Fill the empty scratch database; `history` is how many postings there are before anybody is measured."""
    now = clock.now()
    scheme, actor, budget = _agency()
    version = version_on(scheme, now.date())
    past_bookings = max(1, history // POSTINGS_OF_A_BOOKING)
    past = (1, past_bookings)
    waiting = (past[1] + 1, past[1] + pending)
    hot = (waiting[1] + 1, waiting[1] + crowded)
    everybody = (1, hot[1])
    world = World(scheme, version, actor, past, waiting, hot, SESSIONS + 1)
    with bare_tables():
        _catalogue(world, now)
        _learners(world, everybody, now)
        _credits(world, everybody, budget, now)
        # In one transaction, as an acceptance is: the audit looks for the log rows of an entry's own transaction.
        with transaction.atomic(using="owner"):
            _bookings(world, past, f"1 + n %% {SESSIONS}", now, accepted=True)
        _bookings(world, waiting, f"1 + n %% {SESSIONS}", now, accepted=False)
        _bookings(world, hot, str(world.crowded_session), now, accepted=False)
        _seats(world)
    continue_numbers(
        Citizen,
        Consent,
        SignIn,
        User,
        LearningAccount,
        Lot,
        JournalEntry,
        Booking,
        Provider,
        MicroCredential,
        Session,
    )
    return world


def _agency() -> tuple[Scheme, User, Budget]:
    author, approver = (User.objects.create_user(f"{who}@bench.invalid") for who in ("author", "approver"))
    scheme = schemes.load_preset_scheme(code="cpf", author=author, approver=approver)
    actor = service_users.get("ledger")
    budget = schemes.appropriate(
        scheme=scheme,
        budget_name="Bench",
        amount_cents=10**14,
        actor=actor,
        idempotency_key="bench:appropriation",
    )
    return scheme, actor, budget


def _catalogue(world: World, now: datetime) -> None:
    providers, credentials = (1, PROVIDERS), (1, CREDENTIALS)
    organisation = Organisation.objects.create(kind=OrganisationKind.PROVIDER, name="Bench")
    member = User.objects.create_user("provider@bench.invalid")
    Membership.objects.create(user=member, organisation=organisation, role=Role.MANAGER)
    fill(
        Provider(
            register="siret", name="x", organisation=organisation, country="FR", time_zone="Europe/Paris"
        ),
        providers,
        id="n",
        external_id="lpad(n::text, 14, '0')",
        name="'Provider ' || n",
        city=f"({_array(('Paris', 'Lyon', 'Lille', 'Nantes', 'Toulouse'))})[1 + n %% 5]",
    )
    since = now - timedelta(days=400)
    fill(
        Accreditation(
            authority="Qualiopi",
            state=AccreditationState.ACCREDITED,
            accredited_at=since,
            valid_from=date(2020, 1, 1),
            created_at=since,
        ),
        providers,
        id="n",
        provider_id="n",
    )
    _log(
        AccreditationLog,
        world.actor,
        providers,
        since,
        transition="create",
        target=AccreditationState.ACCREDITED,
    )
    title = " || ' ' || ".join(f"({_array(WORDS)})[1 + (n * {step}) %% {len(WORDS)}]" for step in (1, 7, 13))
    fill(
        MicroCredential(
            kind="rs",
            code="RS1",
            currency="EUR",
            hours=50,
            state=CredentialState.REGISTERED,
            registered_at=since,
            created_at=since,
            updated_at=since,
        ),
        credentials,
        id="n",
        provider_id=f"1 + n %% {PROVIDERS}",
        external_id="'c' || n",
        entry=f"lpad((1 + n %% {PROVIDERS})::text, 14, '0') || '/c' || n",
        title=title,
        search_text=title,
    )
    _log(
        MicroCredentialLog,
        world.actor,
        credentials,
        since,
        transition="create",
        target=CredentialState.REGISTERED,
    )
    fill(
        Offer(
            external_id="a",
            mode="in_person",
            city="Paris",
            country="FR",
            currency="EUR",
            price_cents=PRICE_CENTS,
        ),
        credentials,
        id="n",
        micro_credential_id="n",
        city=f"({_array(('Paris', 'Lyon', 'Lille', 'Nantes', 'Toulouse'))})[1 + n %% 5]",
    )
    sessions = (1, world.crowded_session)
    fill(
        Session(
            external_id="s",
            starts_at=now + timedelta(days=60),
            ends_at=now + timedelta(days=65),
            currency="EUR",
            price_cents=PRICE_CENTS,
            state=SessionState.OPEN,
            opened_at=since,
            created_at=since,
            updated_at=since,
        ),
        sessions,
        id="n",
        micro_credential_id="n",
        offer_id="n",
    )
    _log(SessionLog, world.actor, sessions, since, transition="create", target=SessionState.OPEN)


def _learners(world: World, numbers: Range, now: datetime) -> None:
    since = now - timedelta(days=300)
    fill(
        User(password="!", joined_at=since),  # noqa: S106 - nobody can sign in with it
        numbers,
        id=_user(),
        email="'learner' || n || '@bench.invalid'",
    )
    fill(
        Citizen(birth_date=date(1990, 2, 3), created_at=since),
        numbers,
        id="n",
        public_id=HASHED_UUID.format(salt="citizen"),
        user_id=_user(),
    )
    fill(
        SignIn(at=now - timedelta(hours=1, minutes=5), method="e_identity", assurance="strong"),
        numbers,
        id="n",
        user_id=_user(),
    )
    fill(
        LearningAccount(scheme=world.scheme, opened_at=since),
        numbers,
        id="n",
        public_id=HASHED_UUID.format(salt="account"),
        citizen_id="n",
    )


def sign_in_now(users: Mapping[int, User]) -> dict[int, SignIn]:
    """A strong sign-in of each of these users, fresh as a consent asks for one (F-32), by the user's id."""
    now = clock.now()
    made = SignIn.objects.bulk_create(
        [SignIn(user_id=pk, at=now, method="e_identity", assurance="strong") for pk in users], batch_size=2000
    )
    return {sign_in.user_id: sign_in for sign_in in made}


def _credits(world: World, numbers: Range, budget: Budget, now: datetime) -> None:
    """Rights of 5,000.00 on each account, a thousand learners to an entry."""
    first_entry = 10**9
    fill(
        Lot(
            source=Source.RIGHTS,
            fund=Fund.PUBLIC,
            currency="EUR",
            available_cents=RIGHTS_CENTS,
            created_at=now - timedelta(days=300),
        ),
        numbers,
        id="n",
        account_id="n",
    )
    entries = (0, numbers[1] // ENTRY_OF_CREDIT)
    _entries(world, "accrue", entries, f"{first_entry} + n", "'accrue:2019:' || n", now - timedelta(days=300))
    postings: dict[str, Any] = {"bucket": "available", "fund": Fund.PUBLIC}
    entry = f"{first_entry} + n / {ENTRY_OF_CREDIT}"
    fill(Posting(amount_cents=RIGHTS_CENTS, **postings), numbers, entry_id=entry, lot_id="n")
    execute(
        f"INSERT INTO {Posting._meta.db_table} (entry_id, bucket, fund, amount_cents, budget_id)"
        f" SELECT entry_id, 'budget', 'public', -sum(amount_cents), %s FROM {Posting._meta.db_table}"
        " WHERE entry_id >= %s GROUP BY entry_id",
        [budget.pk, first_entry],
    )
    execute(
        f"UPDATE {Budget._meta.db_table} SET available_cents = available_cents - %s WHERE id = %s",
        [(numbers[1] - numbers[0] + 1) * RIGHTS_CENTS, budget.pk],
    )


def _bookings(world: World, numbers: Range, session: str, now: datetime, *, accepted: bool) -> None:
    """Proposals of two hours ago, whose learner has been asked for consent, and has given it an hour ago or not."""
    asked, at = now - timedelta(hours=2), now - timedelta(hours=1)
    text = "Training: a certification\nPrice: €1,650.00"
    given = {"state": "given", "answered_at": at} if accepted else {}
    fill(
        Consent(text=text, text_hash=Consent.hash_of(text), asked_at=asked, **given),
        numbers,
        id="n",
        public_id=HASHED_UUID.format(salt="consent"),
        citizen_id="n",
        sign_in_id="n" if accepted else "NULL",
    )
    state: dict[str, Any] = {
        "state": BookingState.PROPOSED,
        "next_due": "lapse",
        "next_due_at": now + timedelta(4),
    }
    if accepted:
        state = {"state": BookingState.ACCEPTED, "accepted_at": at, "scheme_version": world.version}
    fill(
        Booking(price_cents=PRICE_CENTS, currency="EUR", requested_at=asked, proposed_at=asked, **state),
        numbers,
        id="n",
        public_id=HASHED_UUID.format(salt="booking"),
        account_id="n",
        session_id=session,
        credential_id=session,
        provider_id=f"1 + ({session}) %% {PROVIDERS}",
        consent_id="n",
    )
    _log(ConsentLog, world.actor, numbers, asked, transition="ask", source="", target="asked")
    _log(
        BookingLog,
        world.actor,
        numbers,
        asked,
        transition="request",
        source="",
        target=BookingState.REQUESTED,
    )
    step = {"transition": "propose", "source": BookingState.REQUESTED, "target": BookingState.PROPOSED}
    _log(BookingLog, world.actor, numbers, asked, **step)
    _messages(numbers, "booking_proposed", now)
    if accepted:
        _log(
            ConsentLog,
            world.actor,
            numbers,
            at,
            transition="give",
            source="asked",
            target="given",
            actor=_user(),
        )
        step = {"transition": "accept", "source": BookingState.PROPOSED, "target": BookingState.ACCEPTED}
        _log(BookingLog, world.actor, numbers, at, actor=_user(), **step)
        _hold(world, numbers, at)
        _messages(numbers, "booking_accepted", now)


def _hold(world: World, numbers: Range, at: datetime) -> None:
    """What the accepted bookings hold: rights, and the learner's own money."""
    entry = "2000000000 + n"
    _entries(world, "hold_booking", numbers, entry, "'booking:' || n || ':accept'", at, actor=_user())
    for position, source in enumerate((Source.RIGHTS, Source.LEARNER)):
        own = source == Source.LEARNER
        fund, cents = (Fund.OWN, OWN_SHARE_CENTS) if own else (Fund.PUBLIC, RIGHTS_SHARE_CENTS)
        share = Allocation(source=source, fund=fund, position=position, amount_cents=cents, direct=own)
        lot = "NULL::bigint" if own else "n"
        fill(share, numbers, booking_id="n", lot_id=lot)
        fill(
            Posting(bucket="appropriation" if own else "available", fund=fund, amount_cents=-cents),
            numbers,
            entry_id=entry,
            lot_id=lot,
            booking_id="n" if own else "NULL::bigint",
        )
        held = Posting(bucket="held", fund=fund, amount_cents=cents)
        fill(held, numbers, entry_id=entry, lot_id=lot, booking_id="n")
    execute(
        f"UPDATE {Lot._meta.db_table} SET available_cents = available_cents - %s, held_cents = held_cents + %s"
        " WHERE id BETWEEN %s AND %s",
        [RIGHTS_SHARE_CENTS, RIGHTS_SHARE_CENTS, *numbers],
    )


def _seats(world: World) -> None:
    fill(SessionSeats(seats=None), (1, SESSIONS), session_id="n")
    seats = world.crowded[1] - world.crowded[0] + 1
    fill(SessionSeats(seats=seats), (1, 1), session_id=str(world.crowded_session))
    execute(
        f"UPDATE {SessionSeats._meta.db_table} AS seats SET taken = booked.taken"
        f" FROM (SELECT session_id, count(*) AS taken FROM {Booking._meta.db_table} WHERE state = 'accepted'"
        " GROUP BY session_id) AS booked WHERE booked.session_id = seats.session_id"
    )


def _entries(
    world: World, kind: str, numbers: Range, number: str, key: str, at: datetime, *, actor: str | None = None
) -> None:
    columns = {"id": number, "idempotency_key": key}
    if actor is not None:
        columns["actor_id"] = actor
    template = JournalEntry(scheme=world.scheme, kind=kind, currency="EUR", actor=world.actor, occurred_at=at)
    fill(template, numbers, **columns)


def _log(
    model: type[TransitionLog],
    by: User,
    numbers: Range,
    at: datetime,
    *,
    actor: str | None = None,
    **step: str,
) -> None:
    """A row of the log for each; step: transition, source and target. actor: SQL, where it is not `by`."""
    columns = {"subject_id": "n"} | ({"actor_id": actor} if actor is not None else {})
    fill(model(actor=by, at=at, **step), numbers, **columns)


def _messages(numbers: Range, template: str, now: datetime) -> None:
    context = {"booking": str(uuid.UUID(int=0))}
    message = Message(template=template, context=context, created_at=now, sent_at=now)
    fill(message, numbers, recipient_id=_user())


def _user() -> str:
    """Learners' users begin where nobody else's are."""
    return f"n + {FIRST_USER}"


FIRST_USER = 1_000_000


def user_number(number: int) -> int:
    """The user of the learner of that number."""
    return FIRST_USER + number


def _array(words: tuple[str, ...] | list[str]) -> str:
    return "ARRAY[" + ", ".join(f"'{word}'" for word in words) + "]"
