"""A catalogue that comes again: what is updated, what stays, what a full catalogue takes away."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from accounts.services import service_users
from catalogue.importing.problems import Report
from catalogue.models import (
    ChangeKind,
    MicroCredential,
    MicroCredentialLog,
    Offer,
    Session,
    SessionChange,
    SessionSeats,
)
from catalogue.services import micro_credentials, sessions
from ila.core import clock
from tests.catalogue.conftest import counts, errors, warnings
from tests.catalogue.edof_files import P1, P2, P3, A, F, Folder, S, catalogue

NAME = f"{P1}/F1"
TWO = F(actions=(A(sessions=(S(), S(number="S2"))), A(number="A2", city="NÎMES")))


def same(report: Report) -> bool:
    return counts(report) == (0, 0, 1, 0, 0)


def test_the_same_again_is_unchanged_and_writes_nothing(import_edof) -> None:
    import_edof(TWO)
    before = list(MicroCredential.objects.values())
    report = import_edof(TWO)
    assert same(report)
    assert list(MicroCredential.objects.values()) == before
    assert warnings(report) == [("not_accredited", P1, None)]


def test_order_layout_encoding_and_dates_of_editing_change_nothing(import_edof, folder: Folder) -> None:
    import_edof(TWO)
    turned = replace(TWO, actions=tuple(replace(a, sessions=a.sessions[::-1]) for a in TWO.actions[::-1]))
    touched = replace(turned, attributes='datecrea="20200101" datemaj="20261111"')
    assert same(import_edof(turned))
    assert same(import_edof(touched))
    assert same(import_edof(folder.edof(touched, encoding="ISO-8859-1")))
    assert same(import_edof(folder.edof(touched, encoding="windows-1252")))
    spread = (
        catalogue(touched)
        .decode()
        .replace("><", ">\n  <")
        .replace("Gérer un élevage", " Gérer\r\n un  élevage")
    )
    assert same(import_edof(folder.put(spread)))
    assert same(import_edof(folder.put(spread.replace("\n", "\r\n").replace("\r\r", "\r"))))


def test_numbers_written_otherwise_are_the_same(import_edof) -> None:
    import_edof(F())
    assert same(import_edof(F().at(gross="600.6", net="500.5", vat="20")))


@pytest.mark.parametrize(
    "changed",
    [
        F(title="Autre"),
        F(goals="<p>Autre</p>"),
        F(content="<p>Autre</p>"),
        F(certification="<code-RS>RS1</code-RS>"),
        F().at(S(starts="20270615")),
        F().at(S(ends="20270619")),
        F().at(S(recruiting="2")),
        F().at(S(guarantee="1")),
        F().at(S(), S(number="S2")),
        F().at(S(number="S9")),
        F().at(gross="600.61"),
        F().at(city="PARIS"),
        F().at(mode="1"),
        F().at(hours="22"),
        F().at(hours=None),
        F(actions=(A(), A(number="A2"))),
        F(actions=(A(number="A9"),)),
        F(extra='<extra info="categorisation-offre">120</extra>'),
        F().at(S(extra='<extra info="modalites-particulieres">M</extra>')),
    ],
    ids=lambda _: "",
)
def test_a_changed_value_is_an_update_once(changed, import_edof) -> None:
    import_edof(F())
    assert counts(import_edof(changed)) == (0, 1, 0, 0, 0)
    assert same(import_edof(changed))


def test_changed_values_are_stored(import_edof, listing) -> None:
    import_edof(F(), F(number="F2"))
    import_edof(
        F(title="Neu", goals="<p>Neu</p>").at(S(starts="20280110", ends="20280111"), gross="700.00", net=None)
    )
    entry = listing()[NAME]
    assert (entry["title"], entry["html"]["goals"], entry["price_cents"]) == ("Neu", "<p>Neu</p>", 70_000)
    assert (entry["sessions"][0]["starts"], entry["sessions"][0]["price_cents"]) == ("2028-01-10", 70_000)
    assert Session.objects.count() == 2


def test_created_updated_unchanged_in_one_call(import_edof) -> None:
    import_edof(F(), F(number="F2"))
    report = import_edof(F(), F(number="F2", title="Neu"), F(number="F3"), F(siret=P2))
    assert counts(report) == (2, 1, 1, 0, 0)


def test_a_session_no_longer_there_is_closed_and_can_come_back(import_edof, listing) -> None:
    import_edof(TWO)
    assert counts(import_edof(F())) == (0, 1, 0, 0, 0)
    opened = {one["id"]: one["open"] for one in listing()[NAME]["sessions"]}
    assert opened == {"A1/S1": True, "A1/S2": False, "A2/S1": False}
    assert Offer.objects.filter(removed_at__isnull=False).count() == 1
    closed = next(one for one in listing()[NAME]["sessions"] if one["id"] == "A1/S2")
    assert "recruitment_closed" in closed["reasons"]
    assert same(import_edof(F()))
    assert counts(import_edof(TWO)) == (0, 1, 0, 0, 0)
    assert all(one["open"] for one in listing()[NAME]["sessions"])
    assert Session.objects.count() == 3


def test_without_full_an_absent_entry_changes_nothing(import_edof, listing) -> None:
    import_edof(F(), F(number="F2"), F(siret=P2))
    before = listing()
    assert counts(import_edof(F())) == (0, 0, 1, 0, 0)
    assert listing() == before


# -- guarantees


def test_a_guarantee_is_given_later(import_edof, listing) -> None:
    import_edof(F())
    assert counts(import_edof(F().at(S(guarantee="1")))) == (0, 1, 0, 0, 0)
    assert listing()[NAME]["sessions"][0]["guaranteed"]
    assert list(Session.objects.get().log.values_list("source", "target").order_by("pk")) == [
        ("", "open"),
        ("open", "guaranteed"),
    ]


@pytest.mark.parametrize("later", ["0", None])
def test_a_guarantee_is_never_taken_back(later, import_edof, listing) -> None:
    import_edof(F().at(S(guarantee="1")))
    for _ in range(2):
        report = import_edof(F().at(S(guarantee=later)))
        assert same(report)
        assert ("guarantee_kept", NAME, "A1/S1/garantie") in warnings(report)
        assert report.warnings.listed[0].line == 4
    assert listing()[NAME]["sessions"][0]["guaranteed"]
    report = import_edof(F(title="Neu").at(S(guarantee=later)))
    assert counts(report) == (0, 1, 0, 0, 0)
    assert listing()[NAME]["sessions"][0]["guaranteed"]


def test_a_cancelled_session_stays_cancelled(import_edof, listing) -> None:
    import_edof(F())
    sessions.cancel_session(actor=service_users.get("demo"), session_id=Session.objects.get().pk)
    assert same(import_edof(F().at(S(guarantee="1"))))
    assert counts(import_edof(F(title="Neu"))) == (0, 1, 0, 0, 0)
    assert not listing()[NAME]["sessions"][0]["open"]


# -- bookings


@pytest.fixture
def booked(import_edof: Callable[..., Report]) -> Session:
    """The session of one formation, with two live bookings."""
    import_edof(F())
    session = Session.objects.get()
    SessionSeats.objects.filter(session=session).update(taken=2)
    return session


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (S(starts="20270613"), "A1/S1/debut"),
        (S(ends="20270619"), "A1/S1/fin"),
        (S(starts="99999999"), "A1/S1/debut"),
    ],
)
def test_changed_dates_of_a_booked_session_are_stored_and_open_a_review(
    changed, field, booked, import_edof
) -> None:
    report = import_edof(F().at(changed))
    assert counts(report) == (0, 1, 0, 0, 0)
    assert ("has_bookings", NAME, field) in warnings(report)
    change = SessionChange.objects.get()
    assert (change.kind, change.bookings, change.session) == (ChangeKind.DATES, 2, booked)
    assert change.before["starts_at"] == "2027-06-13T22:00:00+00:00"
    assert change.before != change.after


def test_a_changed_price_holds_for_later_proposals_and_warns_nobody(booked, import_edof) -> None:
    report = import_edof(F().at(gross="700", net=None))
    assert [one[0] for one in warnings(report)] == ["not_accredited"]
    change = SessionChange.objects.get()
    assert (change.kind, change.before, change.after) == (
        ChangeKind.PRICE,
        {"price_cents": 60_060},
        {"price_cents": 70_000},
    )


def test_a_booked_session_no_longer_there_is_warned(booked, import_edof) -> None:
    report = import_edof(F().at(S(number="S2")))
    assert ("has_bookings", NAME, "A1/S1") in warnings(report)
    booked.refresh_from_db()
    assert booked.state == "open"
    assert booked.seats.taken == 2


def test_sessions_without_bookings_are_changed_without_warning(import_edof) -> None:
    import_edof(F())
    report = import_edof(F().at(S(starts="20270613")))
    assert [one[0] for one in warnings(report)] == ["not_accredited"]
    assert SessionChange.objects.get().bookings == 0


# -- full catalogues


def test_full_delists_what_a_provider_in_the_files_no_longer_lists(import_edof, listing) -> None:
    import_edof(F(), F(number="F2"), F(number="F3"), F(siret=P2))
    report = import_edof(F(), F(number="F2", title="Neu"), full=True)
    assert counts(report) == (0, 1, 1, 0, 1)
    listed = listing(on=date(2026, 11, 2))
    assert {name: one["state"] for name, one in listed.items()} == {
        f"{P1}/F1": "registered",
        f"{P1}/F2": "registered",
        f"{P1}/F3": "delisted",
        f"{P2}/F1": "registered",
    }
    gone = listed[f"{P1}/F3"]
    assert not gone["bookable"]
    assert "delisted" in gone["reasons"]
    assert not gone["sessions"][0]["open"]
    assert MicroCredentialLog.objects.filter(target="delisted").count() == 1
    assert counts(import_edof(F(), F(number="F2", title="Neu"), full=True)) == (0, 0, 2, 0, 0)


def test_full_spares_rejected_providers(import_edof) -> None:
    import_edof(F(), F(number="F2"))
    report = import_edof(F().at(gross="x"), full=True)
    assert counts(report) == (0, 0, 0, 1, 0)
    assert not MicroCredential.objects.filter(state="delisted").exists()


def test_an_entry_that_comes_back_is_updated(import_edof, listing) -> None:
    import_edof(F(), F(number="F2"))
    import_edof(F(number="F2"), full=True)
    assert counts(import_edof(F())) == (0, 1, 0, 0, 0)
    assert listing()[NAME]["state"] == "registered"
    assert listing()[NAME]["sessions"][0]["open"]
    assert same(import_edof(F()))


def test_what_an_officer_took_away_no_list_brings_back(import_edof, listing) -> None:
    import_edof(F(), F(number="F2"))
    officer = service_users.get("demo")
    for entry, act in (
        ("F1", micro_credentials.delist_micro_credential),
        ("F2", micro_credentials.suspend_micro_credential),
    ):
        act(
            actor=officer,
            micro_credential_id=MicroCredential.objects.get(external_id=entry).pk,
            reason="misleading",
        )
    assert counts(import_edof(F(), F(number="F2"))) == (0, 0, 2, 0, 0)
    assert [one["state"] for one in listing().values()] == ["delisted", "suspended"]


def test_full_warns_of_live_bookings(booked, import_edof) -> None:
    report = import_edof(F(number="F2"), full=True)
    assert counts(report) == (1, 0, 0, 0, 1)
    told = next(one for one in report.warnings.listed if one.code == "has_bookings")
    assert (told.entry, told.field, told.line) == (NAME, "A1/S1", None)
    assert SessionChange.objects.get().kind == ChangeKind.CLOSED


# -- dry runs


@pytest.mark.parametrize("full", [False, True])
def test_a_dry_run_says_the_same_and_writes_nothing(full, booked, import_edof, listing) -> None:
    import_edof(F(number="G1"), F(number="G2").at(S(guarantee="1")), F(siret=P2))
    parts: tuple[Any, ...] = (
        F(title="Neu").at(S(starts="20270613")),
        F(number="G2"),
        F(number="G3", goals="<script>x</script>"),
        F(siret=P3),
        F(siret=P2).at(gross="x"),
    )
    before = (listing(), SessionChange.objects.count())
    dry = import_edof(*parts, full=full, dry_run=True)
    assert (listing(), SessionChange.objects.count()) == before
    wet = import_edof(*parts, full=full)
    assert dry.as_json() == wet.as_json()
    assert errors(wet)
    assert counts(wet)[4] == (1 if full else 0)


def test_time_is_the_platforms(import_edof) -> None:
    with clock.at(datetime(2026, 5, 4, 9, tzinfo=UTC)):
        import_edof(F())
    assert Session.objects.get().opened_at == datetime(2026, 5, 4, 9, tzinfo=UTC)
