"""What is bookable on a day, and why not."""

from datetime import UTC, date, datetime, timedelta

import pytest

from catalogue.models import Session
from catalogue.registers import ETPL_NJ, SIRET
from catalogue.selectors import bookability
from catalogue.selectors.bookability import earliest_start
from ila.core import clock
from tests.catalogue.edof_files import P1, P2, A, F, Folder, S
from tests.factories.catalogue import (
    AccreditationFactory,
    MicroCredentialFactory,
    OfferFactory,
    ProviderFactory,
    SessionFactory,
)
from tests.support.queries import assert_queries_constant

MONDAY = date(2027, 5, 31)


def test_the_shape_of_a_line(import_edof, folder: Folder, listing) -> None:
    register = folder.register(f"{P1},École,Approved,,")
    import_edof(
        F(actions=(A(sessions=(S(guarantee="1"),)), A(number="A2", gross="500", net=None))), register=register
    )
    assert listing(on=date(2026, 11, 2)) == {
        f"{P1}/F1": {
            "entry": f"{P1}/F1",
            "provider": P1,
            "title": "Gérer un élevage",
            "state": "registered",
            "html": {"goals": "<p>But</p>", "content": "<p>Contenu</p>"},
            "currency": "EUR",
            "price_cents": 50_000,
            "bookable": True,
            "reasons": [],
            "sessions": [
                {
                    "id": "A1/S1",
                    "starts": "2027-06-14",
                    "ends": "2027-06-18",
                    "price_cents": 60_060,
                    "open": True,
                    "guaranteed": True,
                    "bookable": True,
                    "reasons": [],
                },
                {
                    "id": "A2/S1",
                    "starts": "2027-06-14",
                    "ends": "2027-06-18",
                    "price_cents": 50_000,
                    "open": True,
                    "guaranteed": False,
                    "bookable": True,
                    "reasons": [],
                },
            ],
        }
    }


def test_entries_come_by_id_and_of_one_provider_if_asked(import_edof, listing) -> None:
    import_edof(
        *(F(number=number, siret=siret) for siret in (P2, P1) for number in ("b", "B", "10", "9", "é"))
    )
    listed = list(listing())
    assert listed == sorted(listed)
    assert len(listed) == 10
    assert list(listing(provider=P2)) == [name for name in listed if name.startswith(P2)]
    assert listing(provider="nobody") == {}


@pytest.mark.parametrize(
    ("session", "reasons"),
    [
        (S(), []),
        (S(recruiting="2"), ["recruitment_closed"]),
        (S(starts=None), ["no_dates"]),
        (S(starts="99999999", recruiting="2"), ["recruitment_closed", "no_dates"]),
        (S(starts="20200101", ends="20200102"), ["too_late"]),
    ],
)
def test_reasons_of_a_session(session, reasons, import_edof, folder: Folder, listing) -> None:
    import_edof(F().at(session), register=folder.register(f"{P1},École,Approved,,"))
    entry = listing(on=date(2026, 11, 2))[f"{P1}/F1"]
    assert entry["sessions"][0]["reasons"] == reasons
    assert entry["sessions"][0]["bookable"] is (not reasons)
    assert (entry["bookable"], entry["reasons"]) == (not reasons, reasons)


def test_one_bookable_session_makes_an_entry_bookable(import_edof, folder: Folder, listing) -> None:
    import_edof(F().at(S(recruiting="2"), S(number="S2")), register=folder.register(f"{P1},École,Approved,,"))
    entry = listing(on=date(2026, 11, 2))[f"{P1}/F1"]
    assert (entry["bookable"], entry["reasons"]) == (True, [])
    assert [one["bookable"] for one in entry["sessions"]] == [False, True]


def test_an_entry_tells_the_reasons_of_all_its_sessions(import_edof, folder: Folder, listing) -> None:
    import_edof(
        F().at(S(recruiting="2"), S(number="S2", starts=None)),
        register=folder.register(f"{P1},École,Approved,,"),
    )
    assert listing(on=date(2026, 11, 2))[f"{P1}/F1"]["reasons"] == ["recruitment_closed", "no_dates"]


@pytest.mark.parametrize(
    ("day", "bookable"), [("2027-05-28", True), ("2027-05-31", False), ("2027-06-14", False)]
)
def test_notice_of_eleven_working_days_f_22(day, bookable, import_edof, folder: Folder, listing) -> None:
    # 14 June 2027 is the 11th working day after Friday 28 May: nothing is closed in between.
    import_edof(F(), register=folder.register(f"{P1},École,Approved,,"))
    session = listing(on=date.fromisoformat(day))[f"{P1}/F1"]["sessions"][0]
    assert session["reasons"] == ([] if bookable else ["too_late"])


def test_the_earliest_start_by_register() -> None:
    assert earliest_start(SIRET.code, date(2027, 5, 28)) == date(2027, 6, 14)
    assert earliest_start(SIRET.code, date(2026, 12, 18)) == date(2027, 1, 6)  # Christmas and New Year
    assert earliest_start(ETPL_NJ.code, MONDAY) == MONDAY


@pytest.mark.django_db
def test_today_is_the_providers_day() -> None:
    paris, newark = ProviderFactory.create(), ProviderFactory.create(american=True)
    with clock.at(datetime(2027, 5, 31, 23, 0, tzinfo=UTC)):
        assert bookability.today_at(paris) == date(2027, 6, 1)
        assert bookability.today_at(newark) == MONDAY


@pytest.mark.django_db
def test_times_are_told_at_the_providers_place() -> None:
    accreditation = AccreditationFactory.create()
    SessionFactory.create(
        micro_credential__provider=accreditation.provider, micro_credential__external_id="C"
    )
    (view,) = bookability.list_entries(day=date(2026, 11, 2))
    assert (view.sessions[0].starts, view.sessions[0].ends) == (
        "2027-06-14T09:00+02:00",
        "2027-06-18T17:00+02:00",
    )
    assert view.bookable


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("draft", ["not_accredited"]),
        ("suspended", ["not_accredited"]),
        ("delisted", ["delisted"]),
        ("without_sessions", []),
    ],
)
def test_states_of_an_entry(state, told) -> None:
    accreditation = AccreditationFactory.create()
    MicroCredentialFactory.create(provider=accreditation.provider, **{state: True})
    (view,) = bookability.list_entries()
    assert list(view.reasons) == told


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "told"), [("", ["name_missing"]), (None, ["name_missing"]), ("École", [])])
def test_accredited_providers_need_a_name(name, told) -> None:
    accreditation = AccreditationFactory.create(provider__name=name)
    MicroCredentialFactory.create(provider=accreditation.provider, without_sessions=True)
    (view,) = bookability.list_entries()
    assert list(view.reasons) == told


@pytest.mark.django_db
def test_planned_and_cancelled_sessions_take_nobody() -> None:
    accreditation = AccreditationFactory.create()
    SessionFactory.create(micro_credential__provider=accreditation.provider, planned=True)
    (view,) = bookability.list_entries(day=date(2026, 11, 2))
    assert (view.sessions[0].is_open, list(view.reasons)) == (False, ["recruitment_closed"])


@pytest.mark.django_db
def test_the_number_of_queries_does_not_grow() -> None:
    def grow(n: int) -> None:
        for _ in range(n):
            accreditation = AccreditationFactory.create()
            offer = OfferFactory.create(micro_credential__provider=accreditation.provider)
            SessionFactory.create(micro_credential=offer.micro_credential, offer=offer)

    # entries, their sessions, their accreditations, no further entries; begin and end of the savepoint
    assert_queries_constant(grow, lambda: list(bookability.list_entries()), expected=6)


@pytest.mark.django_db
def test_more_entries_than_a_chunk_are_all_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookability, "CHUNK", 2)
    provider = ProviderFactory.create()
    for _ in range(5):
        SessionFactory.create(micro_credential__provider=provider, starts_at=clock.now() + timedelta(days=1))
    assert len(list(bookability.list_entries())) == 5 == Session.objects.count()
