"""EDOF formations: each code of an entry, each warning, and what becomes of their words."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from catalogue.models import MicroCredential, MicroCredentialLog, Offer, Session, SessionLog
from tests.catalogue.conftest import counts, errors, warnings
from tests.catalogue.edof_files import P1, P2, A, F, Folder, S, catalogue

NAME = f"{P1}/F1"


@pytest.mark.parametrize(
    ("formation", "code", "field"),
    [
        (F(certification="<code-RS>6604</code-RS>"), "schema", "code-RS"),
        (F(certification=""), "schema", "code-RNCP"),
        (F(title=""), "schema", "intitule-formation"),
        (F(title="x" * 256), "schema", "intitule-formation"),
        (F().at(S(recruiting="3")), "schema", "A1/S1/etat-recrutement"),
        (F().at(S(starts="2027-06-14")), "schema", "A1/S1/debut"),
        (F().at(mode="5"), "schema", "A1/modalites-enseignement"),
        (F().at(hours="many"), "schema", "A1/nombre-heures-centre"),
        (F(attributes='datemaj="20260526"'), "schema", "datecrea"),
        (F(number="x" * 401), "schema", "numero"),
        (F().at(S(starts="20270231")), "bad_date", "A1/S1/debut"),
        (F().at(S(starts="20270614", ends="20271301")), "bad_date", "A1/S1/fin"),
        (F().at(S(starts="00000000")), "bad_date", "A1/S1/debut"),
        (F().at(more="<date-information><date>20270230</date></date-information>"), "bad_date", "A1/date"),
        (F().at(S(starts="20270614", ends="20270613")), "bad_period", "A1/S1/fin"),
        (F(actions=(A(), A())), "duplicate", "A1"),
        (F().at(S(), S()), "duplicate", "A1/S1"),
        (F().at(gross=None), "bad_price", "A1/frais-ttc"),
        (F().at(gross=""), "bad_price", "A1/frais-ttc"),
        (F().at(gross="600,60"), "bad_price", "A1/frais-ttc"),
        (F().at(gross="600.605"), "bad_price", "A1/frais-ttc"),
        (F().at(gross="6e2"), "bad_price", "A1/frais-ttc"),
        (F().at(gross="+600.60"), "bad_price", "A1/frais-ttc"),
        (F().at(gross="-600.60"), "bad_price", "A1/frais-ttc"),
        (F().at(gross="600."), "bad_price", "A1/frais-ttc"),
        (F().at(gross="1 200"), "bad_price", "A1/frais-ttc"),
        (F().at(gross="٦٠٠"), "bad_price", "A1/frais-ttc"),
        (F().at(gross="0", net="0"), "bad_price", "A1/frais-ttc"),
        (F().at(gross="0.00", net="0"), "bad_price", "A1/frais-ttc"),
        (F().at(gross="10000000", net=None), "bad_price", "A1/frais-ttc"),
        (F().at(net="five hundred"), "bad_price", "A1/frais-ht"),
        (F().at(vat="20 %"), "bad_price", "A1/taux-tva"),
        (F().at(gross="600.62"), "price_mismatch", "A1/frais-ttc"),
        (F().at(vat=None), "price_mismatch", "A1/frais-ttc"),
        (F().at(gross="600.58"), "price_mismatch", "A1/frais-ttc"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_fault_is_one_error(formation, code, field, import_edof) -> None:
    report = import_edof(F(siret=P2), formation)
    name = NAME if formation.number == "F1" else f"{P1}/{formation.number[:400]}"
    assert errors(report) == [(code, name, field)]
    assert report.errors.listed[0].line == 5
    assert counts(report) == (1, 0, 0, 1, 0)
    assert warnings(report) == [("not_accredited", P2, None)]


@pytest.mark.parametrize(
    "action",
    [
        {"gross": "600.61"},
        {"gross": "600.59"},
        {"gross": "600.6"},
        {"gross": "9999999.99", "net": None},
        {"gross": "0.01", "net": None},
        {"gross": "500.50", "vat": None},
        {"gross": "500.50", "vat": "0"},
        {"gross": "500", "net": "500.005", "vat": ""},
        {"gross": " 600.60 "},
        {"net": None},
        {"net": None, "vat": None},
    ],
    ids=str,
)
def test_prices_that_are_right(action, import_edof) -> None:
    report = import_edof(F().at(**action))
    assert errors(report) == []
    assert Session.objects.get().price_cents == Offer.objects.get().price_cents > 0


@pytest.mark.parametrize(
    "siret", ["12312312300000", "1234567890123A", "              ", "１２３４５６７８９０１２３４"]
)
def test_a_siret_that_fails_its_test(siret, import_edof) -> None:
    report = import_edof(F(siret=siret))
    assert errors(report) == [("bad_siret", f"{siret}/F1", "SIRET")]


def test_the_french_post_is_numbered_otherwise(import_edof) -> None:
    assert errors(import_edof(F(siret="35600000049837"))) == []


@pytest.mark.parametrize("siret", ["123", "", "123456789012345"])
def test_an_entry_without_a_readable_siret_is_a_provider_of_its_own(siret, import_edof) -> None:
    report = import_edof(F(siret=siret), F(number="F2", siret=siret), F())
    assert errors(report) == [("schema", None, "SIRET")] * 2
    assert counts(report) == (1, 0, 0, 2, 0)


def test_an_entry_twice_in_one_call_even_in_two_files(import_edof, folder: Folder) -> None:
    report = import_edof(folder.edof(F(), F(number="F2")), folder.edof(F(number="F3"), F(title="Autre")))
    assert errors(report) == [("duplicate", NAME, "numero")]
    assert report.errors.listed[0].line == 5
    assert counts(report) == (0, 0, 0, 4, 0)


def test_one_number_at_three_levels_and_at_two_providers_is_no_duplicate(import_edof) -> None:
    same = F(number="N", actions=(A(number="N", sessions=(S(number="N"),)),))
    other = F(number="N", siret=P2, actions=(A(number="N"), A(number="M")))
    assert counts(import_edof(same, other)) == (2, 0, 0, 0, 0)


def test_several_faults_of_an_entry_are_all_told(import_edof) -> None:
    formation = F().at(S(starts="20270231"), S(number="S2", ends="20270101"), gross="x")
    assert {error[0] for error in errors(import_edof(formation))} == {"bad_date", "bad_period", "bad_price"}


def test_one_error_rejects_the_provider_wherever_its_entries_lie(
    import_edof, folder: Folder, listing
) -> None:
    import_edof(F(), F(number="F2"), F(siret=P2))
    before = listing()
    first = folder.edof(F(title="Neu"), F(siret=P2, title="Neu"), F(number="F3"))
    second = folder.edof(F(siret=P2, number="F2"), F(number="F4").at(gross="0"))
    report = import_edof(first, second)
    assert counts(report) == (1, 1, 0, 3, 0)
    after = listing()
    assert {name: one for name, one in after.items() if one["provider"] == P1} == {
        name: one for name, one in before.items() if one["provider"] == P1
    }
    assert after[f"{P2}/F1"]["title"] == "Neu"


def test_warnings_of_rejected_providers_are_not_told(import_edof) -> None:
    report = import_edof(F(goals="<script>x</script>"), F(number="F2").at(gross="0"))
    assert warnings(report) == []


def test_what_is_stored(import_edof) -> None:
    report = import_edof(
        F(certification="<code-RNCP>RNCP40344</code-RNCP>").at(
            S(guarantee="1"), S(number="S2", recruiting="2", starts="99999999"), mode="2", city="NÎMES"
        )
    )
    assert counts(report) == (1, 0, 0, 0, 0)
    entry = MicroCredential.objects.get()
    assert (entry.entry, entry.title, entry.kind, entry.code) == (
        NAME,
        "Gérer un élevage",
        "rncp",
        "RNCP40344",
    )
    assert (entry.currency, entry.hours, entry.state, entry.language) == (
        "EUR",
        Decimal(21),
        "registered",
        "fr",
    )
    offer = Offer.objects.get()
    assert (offer.external_id, offer.mode, offer.city, offer.price_cents) == ("A1", "online", "NÎMES", 60_060)
    assert (offer.net_price, offer.vat_percent, offer.hours_centre) == ("500.5", "20", 21)
    first, second = Session.objects.order_by("external_id")
    assert (first.state, second.state) == ("guaranteed", "open")
    assert (first.starts_at, first.ends_at) == (
        datetime(2027, 6, 13, 22, tzinfo=UTC),
        datetime(2027, 6, 18, 21, 59, 59, tzinfo=UTC),
    )
    assert (second.starts_at, second.recruitment_closed) == (None, True)
    assert first.seats.seats is None
    assert first.seats.taken == 0


def test_persons_to_contact_are_not_stored(import_edof) -> None:
    import_edof(
        F(
            extra='<extra info="contact-information"><coordonnees numero="1"><nom>Untel</nom></coordonnees></extra>'
        )
    )
    stored = str([*MicroCredential.objects.values(), *Offer.objects.values(), *Session.objects.values()])
    for word in ("Untel", "a@b.fr", "0123456789"):
        assert word not in stored


def test_each_machine_starts_with_a_log_row_of_the_import(import_edof) -> None:
    import_edof(F().at(S(guarantee="1"), S(number="S2")))
    rows = [*MicroCredentialLog.objects.all(), *SessionLog.objects.order_by("target")]
    assert [(row.source, row.target, row.actor.display_name) for row in rows] == [
        ("", "registered", "catalogue-import"),
        ("", "guaranteed", "catalogue-import"),
        ("", "open", "catalogue-import"),
    ]


@pytest.mark.parametrize(
    ("certification", "kind"),
    [
        ("<code-RNCP>RNCP1</code-RNCP>", "rncp"),
        ("<code-RS>RS1</code-RS>", "rs"),
        ("<code-CPF>CPF200</code-CPF>", "prior_learning"),
        ("<code-CPF>CPF202</code-CPF>", "skills_assessment"),
        ("<code-CPF>CPF206</code-CPF>", "light_licence"),
    ],
)
def test_kinds(certification, kind, import_edof) -> None:
    report = import_edof(F(certification=certification))
    assert MicroCredential.objects.get().kind == kind
    assert [warning[0] for warning in warnings(report)] == ["not_accredited"]


def test_an_unknown_kind_is_a_course(import_edof) -> None:
    report = import_edof(F(certification="<code-CPF>CPF203</code-CPF>"))
    assert MicroCredential.objects.get().kind == "course"
    assert ("kind_unknown", NAME, "code-CPF") in warnings(report)


@pytest.mark.parametrize(
    ("starts", "ends", "told"),
    [
        ("20270614", "20270614", ("2027-06-14", "2027-06-14")),
        ("99999999", "20270614", (None, "2027-06-14")),
        ("20270614", "99999999", ("2027-06-14", None)),
        (None, "20270614", (None, "2027-06-14")),
        ("20270614", None, ("2027-06-14", None)),
        (None, None, (None, None)),
        (" 20270614\n", "20270615", ("2027-06-14", "2027-06-15")),
        ("20280229", "20280301", ("2028-02-29", "2028-03-01")),
    ],
)
def test_dates(starts, ends, told, import_edof, listing) -> None:
    report = import_edof(F().at(S(starts=starts, ends=ends)))
    assert errors(report) == []
    (session,) = listing(on=date(2026, 11, 2))[NAME]["sessions"]
    assert (session["starts"], session["ends"]) == told
    assert ("no_dates" in session["reasons"]) is (None in told)


def test_html_is_cleaned_and_told_only_when_something_active_went(import_edof, listing) -> None:
    report = import_edof(
        F(goals='<p style="color:red">But <font>rouge</font></p><table><tr><td>x</td></tr></table>'),
        F(number="F2", content='<p onclick="x()">Clic</p><script>alert(1)</script>'),
        F(number="F3", title='Élevage <b>bovin</b> & "ovin" < 3 ans'),
    )
    listed = listing()
    assert listed[NAME]["html"]["goals"] == "<p>But rouge</p>x"
    assert listed[f"{P1}/F2"]["html"]["content"] == "<p>Clic</p>"
    assert listed[f"{P1}/F3"]["title"] == 'Élevage bovin & "ovin" < 3 ans'
    assert [one for one in warnings(report) if one[0] == "html_cleaned"] == [
        ("html_cleaned", f"{P1}/F2", "contenu-formation")
    ]


def test_errors_are_listed_up_to_a_thousand_and_counted_beyond(import_edof, folder: Folder) -> None:
    bad = [F(number=f"F{n}").at(gross="x").xml() for n in range(1003)]
    report = import_edof(folder.put(catalogue(*bad)))
    told = report.as_json()
    assert (len(told["errors"]), told["errors_left_out"]) == (1000, 3)
    assert "warnings_left_out" not in told
    assert told["rejected"] == 1003


def test_cdata_comments_and_instructions_are_only_layout(import_edof, folder: Folder) -> None:
    import_edof(F(goals="<p>But</p>"))
    text = (
        catalogue(F())
        .decode()
        .replace("&lt;p&gt;But&lt;/p&gt;", "<![CDATA[<p>B]]><!-- c --><?pi x?><![CDATA[ut</p>]]>")
    )
    report = import_edof(folder.put(text))
    assert counts(report) == (0, 0, 1, 0, 0)


def test_the_longest_numbers_are_stored(import_edof, listing) -> None:
    long = "".join(chr(0x1F300 + n % 700) for n in range(400))
    report = import_edof(F(number=long, actions=(A(number=long, sessions=(S(number=long),)),)))
    assert errors(report) == []
    assert listing()[f"{P1}/{long}"]["sessions"][0]["id"] == f"{long}/{long}"


def test_a_formation_with_many_sessions(import_edof, listing) -> None:
    many = F().at(*(S(number=f"S{n}") for n in range(3000)))
    assert counts(import_edof(many)) == (1, 0, 0, 0, 0)
    assert len(listing()[NAME]["sessions"]) == 3000
    assert counts(import_edof(many)) == (0, 0, 1, 0, 0)


def test_formacodes_are_kept_where_the_file_tells_them(import_edof) -> None:
    told = '<extra info="code-FORMACODE">23026</extra><extra info="formacode">FORMACODE V14: 21054, 23026</extra>'
    import_edof(F(extra=told), F(number="F2"))
    entry = MicroCredential.objects.get(external_id="F1")
    assert entry.description.formacodes == ["21054", "23026"]
    assert "21054" in entry.search_text.split()
    assert not hasattr(MicroCredential.objects.get(external_id="F2"), "description")
    assert counts(import_edof(F(extra=told), F(number="F2"))) == (0, 0, 2, 0, 0)
    assert counts(import_edof(F(), F(number="F2"))) == (0, 1, 1, 0, 0)
    entry.refresh_from_db()
    assert entry.description.formacodes is None
