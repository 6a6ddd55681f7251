"""Every list costs the database as much for N rows as for 2N: those that no other test of their subject counts.

`LISTS` names each with who looks at it and what makes it longer; `ELSEWHERE` says where the others are counted. A list
that pages and stands in neither fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import get_resolver, reverse

from accounts.models import Message, NotMeKind, NotMeLink, User
from accounts.services import alarms, identities, messages
from catalogue.models import SavedSearch
from catalogue.selectors.details import today_at
from catalogue.services import details
from funding.models import Appropriation, Scheme
from funding.services import batches, bookings, claims, holds, sanctions, statements, windows
from ila.core import clock
from tests.accounts.identity.support import CONFIG, configure, person, proved, registered
from tests.factories.accounts import MembershipFactory, UserFactory
from tests.funding.top_ups.support import Transfer, tell
from tests.pages.agency_things import manager, propose, submitted
from tests.pages.employer_things import register
from tests.pages.support import PAYDAY, Scene, signed_in
from tests.pages.test_access import addresses
from tests.pages.window_scene import make_grants
from tests.support.queries import assert_queries_constant, captured_queries
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent.parent
Grow = Callable[[Scene, int], object]


def disputed(scene: Scene, n: int) -> None:
    for _ in range(n):
        learner = scene.world.make_learner()
        booking = scene.world.accepted(learner)
        bookings.deny_consent(actor=learner.user, booking_id=booking.pk)


def alarmed(scene: Scene, n: int) -> None:
    for _ in range(n):
        user = UserFactory.create()
        context = messages.not_me(NotMeKind.CONTACT)
        message = Message.objects.create(recipient=user, template="contact_changed", context=context)
        link = NotMeLink.objects.create(
            user=user,
            message=message,
            kind=NotMeKind.CONTACT,
            token_hash=f"{message.pk:064x}",
            made_at=clock.now(),
            expires_at=clock.now() + timedelta(days=1),
        )
        alarms.raise_alarm(link=link)


def disputed_and_alarmed(scene: Scene, n: int) -> None:
    disputed(scene, n)
    alarmed(scene, n)


def claimed(_scene: Scene, n: int) -> None:
    for _ in range(n):
        number = User.objects.count()
        name = "".join(chr(97 + int(digit)) for digit in str(number))
        for place in ("69123", "75056"):
            registered(family_name=f"Durand {name}", marks={"birth_place": place})
        said = proved(CONFIG, subject=name, person=person(family_name=f"Durand {name}"))
        _identity, settled = identities.enrol(proved=said, email=f"{name}@example.org", language="fr")
        assert settled.claim is not None


def stated(scene: Scene, n: int) -> None:
    for _ in range(n):
        scene.world.accepted(scene.world.make_learner())
    statements.make_statements(scheme=scene.world.scheme, last_day=date(2026, 5, 31))


def changed(scene: Scene, n: int) -> None:
    provider = scene.world.provider
    for _ in range(n):
        details.add_detail(
            actor=scene.provider_member,
            provider_id=provider.pk,
            kind="trainer",
            facts={
                "full_name": f"Ada {provider.facts_told.count()}",
                "subject": "Welding",
                "qualification": "Master",
                "certified": True,
            },
            valid_from=today_at(provider),
        )


def opened(scene: Scene, n: int) -> None:
    scheme = Scheme.objects.filter(code="stap").first()
    if scheme is None:
        scheme = make_grants(scene).scheme
    for _ in range(n):
        number = scheme.windows.count()
        opens = clock.now() + timedelta(days=1 + number)
        from_now = {"opens_at": opens, "closes_at": opens + timedelta(days=30)}
        windows_of(scene, scheme, f"Window {number}", **from_now)


def windows_of(scene: Scene, scheme: Scheme, name: str, **days: Any) -> None:
    from_cents: dict[str, Any] = {"budget_cents": 300_000, "admissions_per_s": Decimal("0.1")}
    windows.open_window(actor=scene.case_worker, scheme=scheme, name=name, **from_cents, **days)


def held(scene: Scene, n: int) -> None:
    for _ in range(n):
        booking = scene.world.accepted(scene.world.make_learner())
        until = clock.now() + timedelta(days=5)
        holds.place_hold(owner=scene.case_worker, reason="looked at", until=until, booking=booking)


def suspended(scene: Scene, n: int) -> None:
    for _ in range(n):
        account = scene.world.make_learner().account
        sanctions.suspend_account(
            actor=scene.case_worker,
            account_id=account.pk,
            rule="F-25",
            last_day=date(2026, 6, 30),
            reason="Never came",
        )


def searched(scene: Scene, n: int) -> None:
    for _ in range(n):
        SavedSearch.objects.create(
            owner=scene.learner.user, name="Search", query=f"q={SavedSearch.objects.count()}"
        )


def another_scheme(scene: Scene) -> Scheme:
    made = Scheme.objects.get(pk=scene.world.scheme.pk)
    made.pk, made.code, made.name = None, f"s{Scheme.objects.count()}", f"Scheme {Scheme.objects.count()}"
    made.save(force_insert=True)
    return made


def transferred(_scene: Scene, n: int) -> None:
    tell(*(Transfer(10_000 + number, note="whose?") for number in range(n)))


def planned(scene: Scene, n: int) -> None:
    for number in range(n):
        scene.world.make_session(
            starts_at=clock.now() + timedelta(days=60 + number),
            ends_at=clock.now() + timedelta(days=70 + number),
        )


# name of the list: who looks at it (an attribute of the scene, or `manager`), and what makes it longer.
LISTS: dict[str, tuple[str, Grow]] = {
    "agency_receipts": ("payment_officer", transferred),
    "disputes": ("case_worker", disputed_and_alarmed),
    "agency_windows": ("case_worker", opened),
    "identity_claims": ("case_worker", claimed),
    "statements": ("case_worker", stated),
    "agency_changes": ("case_worker", changed),
    "provider_details": ("provider_member", changed),
    "agency_employers": (
        "case_worker",
        lambda scene, n: [register(scene, name=f"Employer {each}", verified=False) for each in range(n)],
    ),
    "agency_roles": ("auditor", lambda scene, n: [manager(scene) for _ in range(n)]),
    "agency_budgets": (
        "auditor",
        lambda scene, n: [another_scheme(scene) for _ in range(n)],
    ),
    "agency_budget": (
        "auditor",
        lambda scene, n: [propose(scene, document=f"D-{Appropriation.objects.count()}") for _ in range(n)],
    ),
    "agency_holds": ("case_worker", held),
    "agency_suspensions": ("case_worker", suspended),
    "saved_searches": ("learner", searched),
    "provider_entry": ("provider_member", planned),
    "team": (
        "provider_member",
        lambda scene, n: [
            MembershipFactory.create(organisation=scene.world.provider.organisation, role="staff")
            for _ in range(n)
        ],
    ),
}

# Where the others are counted.
ELSEWHERE: dict[str, str] = {
    **dict.fromkeys(("bookings", "batches", "bank_messages", "catalogue", "entry"), "test_ground.py"),
    **dict.fromkeys(("agency_providers", "agency_accreditations", "agency_entries"), "test_providers.py"),
    **dict.fromkeys(("provider_work", "provider_sessions", "provider_session"), "test_provider_work.py"),
    **dict.fromkeys(("provider_days", "provider_step_all"), "test_provider_work.py"),
    **dict.fromkeys(("provider_money", "provider_payments", "provider_owed"), "test_provider_money.py"),
    **dict.fromkeys(("agency_receivables", "reconciliation"), "test_recoveries.py"),
    **dict.fromkeys(("counsellors", "counsellor", "counselling"), "test_counselling.py"),
    **dict.fromkeys(("counselled", "counselled_part"), "test_counselling.py"),
    **dict.fromkeys(("learner_documents", "refunds", "corrections"), "test_learner_pages.py"),
    **dict.fromkeys(("learning_accounts", "learning_account"), "test_learning_accounts.py"),
    **dict.fromkeys(("employer", "my_top_ups"), "test_employers.py"),
    **dict.fromkeys(("windows", "window_sessions", "window_grants"), "test_windows.py"),
    **dict.fromkeys(("portfolio", "awards"), "test_awards.py"),
    "agency_claims": "test_agency_desk.py",
    "fraud_back_test": "test_fraud_tuning.py",
    "agency_introductions": "test_introductions.py",
    "agency_cards": "test_cards_agency.py",
    "erasures": "test_personal_data.py",
    **dict.fromkeys(("fraud_alerts", "fraud_cases", "provider_letters"), "test_fraud.py"),
    **dict.fromkeys(("fraud_holds", "provider_holds"), "test_fraud_holds.py"),
    **dict.fromkeys(("fraud_places", "fraud_reports"), "test_told_facts.py"),
    "laboratory": "test_laboratory.py",
    **dict.fromkeys(("imports", "stacks"), "test_exchange.py"),
    # Below, for a batch never grows.
    "batch": "test_list_queries.py",
    "preregistrations": "test_preregistrations.py",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_longer_list_asks_no_more(scene: Scene, settings: Any, tmp_path: Path, name: str) -> None:
    settings.DOCUMENTS_DIR = tmp_path
    configure(settings, CONFIG)
    who, grow = LISTS[name]
    user = scene.learner.user if who == "learner" else getattr(scene, who)
    organisation = scene.world.provider.organisation
    assert organisation is not None
    arguments: dict[str, dict[str, Any]] = {
        "agency_budget": {"code": "cpf"},
        "provider_details": {"provider": scene.world.provider.pk},
        "provider_entry": {"pk": scene.world.credential.pk},
        "team": {"public_id": organisation.public_id},
    }
    address = reverse(name, kwargs=arguments.get(name, {}))
    with clock.at(MONDAY):
        client = signed_in(user)

        def look() -> None:
            cache.clear()
            assert client.get(address).status_code == 200

        assert_queries_constant(lambda n: grow(scene, n), look, n=2)


def test_a_larger_batch_asks_no_more(scene: Scene) -> None:
    counts, client = [], signed_in(scene.payment_officer)
    for number in (1, 2):
        claimed_now = submitted(scene, number)
        with clock.at(PAYDAY):
            for one in claimed_now:
                claims.approve_claim(actor=scene.world.payer, claim_id=one.pk)
            batch = batches.create_batch(
                actor=scene.world.second_payer,
                scheme=scene.world.scheme,
                claim_ids=[one.pk for one in claimed_now],
            )
        client.get(f"/agency/batches/{batch.msg_id}/")
        with captured_queries() as queries:
            assert client.get(f"/agency/batches/{batch.msg_id}/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_every_list_that_pages_is_counted_somewhere() -> None:
    """By the source of the views: a function that pages, and the names of the addresses that lead to it."""
    paging = {
        (file.stem, name)
        for app in ("accounts", "catalogue", "funding", "fraud")
        for file in (ROOT / app / "views").glob("*.py")
        for name, body in re.findall(
            r"^def (\w+)\((.*?)(?=^@|^def |\Z)", file.read_text(), re.MULTILINE | re.DOTALL
        )
        if "Paginator(" in body and not name.startswith("_")
    }
    names = {
        str(pattern.name)
        for pattern in addresses(get_resolver().url_patterns)
        if (str(getattr(pattern.callback, "__module__", "")).rpartition(".")[2], pattern.callback.__name__)
        in paging
    }
    assert names <= {*LISTS, *ELSEWHERE}, sorted(names - {*LISTS, *ELSEWHERE})
    for file in ELSEWHERE.values():
        assert "queries" in (ROOT / "tests" / "pages" / file).read_text(), file
