"""Rule sets: what is refused is refused with every fault named; presets and what-ifs."""

import re
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from funding.schemes import documentation
from funding.schemes.parsing import RulesError, parameters, parse_rules
from funding.schemes.presets import load_preset, override, preset_codes, read_preset
from funding.schemes.rules import SchemeRules

CPF = load_preset("cpf")
RULES = CPF.rules_on(date(2026, 5, 4))

# Names that scenarios may rely on.
PROMISED = [
    "participation_mode",
    "participation_cents",
    "full_year_hours",
    "yearly_credit_cents",
    "cap_cents",
    "usage_cap_cents",
    "provider_answer_wd",
    "learner_accept_wd",
    "min_notice_wd",
    "withdrawal_wd",
    "cancel_free_wd",
    "entry_wd",
    "auto_validate_wd",
    "payment_days",
    "advance_percent",
    "attendance_min_percent",
    "grant_cents",
    "grant_ceiling",
    "start_min_days",
    "start_max_months",
    "claim_lead_days",
    "use_days_before_start",
    "proof_months",
    "validity_months",
    "once",
]


def faults(values: dict[str, Any]) -> dict[str, str]:
    """Code by the first parameter at fault."""
    with pytest.raises(RulesError) as caught:
        override(RULES, values)
    for fault in caught.value.faults:
        assert fault.parameters[0] in str(caught.value)
    return {fault.parameters[0]: fault.code for fault in caught.value.faults}


def test_the_promised_parameters_exist() -> None:
    assert set(PROMISED) <= set(parameters())


def test_every_parameter_says_what_it_is() -> None:
    for name, field in parameters().items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict), name
        assert field.description, name
        assert extra["unit"], name
        # The vouchers' rules have no ids.
        assert extra["rule"] == "" or re.fullmatch(r"[FNS]-\d\d", str(extra["rule"])), name


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"participation": 1}, {"participation": "unknown_parameter"}),
        ({"participation_cents": -1}, {"participation_cents": "bad_value"}),
        ({"participation_cents": "100"}, {"participation_cents": "bad_value"}),
        ({"participation_cents": 10.5}, {"participation_cents": "bad_value"}),
        ({"participation_cents": True}, {"participation_cents": "bad_value"}),
        ({"participation_cents": None}, {"participation_cents": "bad_value"}),
        ({"participation_mode": "min"}, {"participation_mode": "bad_value"}),
        ({"advance_percent": 101}, {"advance_percent": "bad_value"}),
        ({"usage_cap_cents": {"cooking": 100}}, {"usage_cap_cents": "bad_value"}),
        ({"usage_cap_cents": {"rs": -1}}, {"usage_cap_cents": "bad_value"}),
        ({"bookable_kinds": ["rs", "cooking"]}, {"bookable_kinds": "bad_value"}),
        ({"bookable_kinds": []}, {"bookable_kinds": "bad_value"}),
        ({"draw_order": [["rights", "learner"]]}, {"draw_order": "bad_value"}),
        ({"currency": "euro"}, {"currency": "bad_value"}),
        ({"once": "twice"}, {"once": "bad_value"}),
        ({"strong_identity_required": 1}, {"strong_identity_required": "bad_value"}),
        ({"cap_cents": 49999}, {"cap_cents": "cap_below_credit"}),
        ({"cap_low_qualified_cents": 1}, {"cap_low_qualified_cents": "cap_below_credit"}),
        ({"country": "ZZ"}, {"country": "missing_calendar"}),
        ({"timezone": "Europe/Lutetia"}, {"timezone": "missing_calendar"}),
        ({"participation_mode": None}, {"participation_cents": "missing"}),
        ({"yearly_credit_cents": None}, {"yearly_credit_cents": "missing"}),
        ({"accrual_statuses": []}, {"accrual_statuses": "missing"}),
        (
            {"low_qualified_below_level": None, "low_qualified_if_disabled": False},
            {"yearly_credit_low_qualified_cents": "nobody_concerned"},
        ),
        (
            {"light_licence_statuses": [], "light_licence_cofunding_sources": []},
            {"light_licence_conditional": "nobody_concerned"},
        ),
        ({"participation_exempt_sources": ["grant"]}, {"participation_exempt_sources": "source_never_drawn"}),
        ({"source_kinds": {"mid_career": ["rs"]}}, {"source_kinds": "source_never_drawn"}),
        ({"prerequisites_ack_wd": None}, {"prerequisites_ack_wd": "missing"}),
        ({"advance_after_days": None}, {"advance_after_days": "missing"}),
        ({"no_show_suspension_min_days": 400}, {"no_show_suspension_min_days": "least_above_most"}),
        ({"start_min_days": 100, "start_max_months": 3}, {"start_min_days": "least_above_most"}),
    ],
)
def test_a_fault_is_named(values: dict[str, Any], named: dict[str, str]) -> None:
    assert faults(values) == named


def test_a_source_drawn_twice_and_an_empty_class_are_faults() -> None:
    order = [["rights", "endowment", "corrective"], [], ["employer", "public", "rights"]]
    with pytest.raises(RulesError) as caught:
        override(RULES, {"draw_order": order})
    assert [fault.code for fault in caught.value.faults] == ["source_twice", "empty_class"]


def test_all_faults_are_named_at_once() -> None:
    wrong = {
        "cap_cents": 1,
        "country": "ZZ",
        "participation_cents": -1,
        "withdrawal": 3,
        "participation_mode": None,
    }
    assert faults(wrong) == {
        "participation_cents": "bad_value",
        "withdrawal": "unknown_parameter",
        "country": "missing_calendar",
        "cap_cents": "cap_below_credit",
    }


def test_a_rule_set_needs_its_required_parameters() -> None:
    with pytest.raises(RulesError) as caught:
        parse_rules({"country": "FR", "participation_cents": -1})
    assert {fault.parameters[0] for fault in caught.value.faults} == {
        "currency",
        "timezone",
        "bookable_kinds",
        "draw_order",
        "participation_cents",
    }


def test_the_model_itself_refuses_contradictions() -> None:
    with pytest.raises(ValidationError, match="below the yearly credit"):
        SchemeRules.model_validate(RULES.model_dump() | {"cap_cents": 1})


def test_rules_survive_storage_and_cannot_be_changed() -> None:
    for _, rules in CPF.versions:
        assert parse_rules(rules.model_dump(mode="json")) == rules
    with pytest.raises(ValidationError, match="frozen"):
        RULES.participation_cents = 0  # type: ignore[misc]


def test_a_scheme_needs_few_parameters_and_none_means_no_such_rule() -> None:
    rules = parse_rules(
        {"currency": "SGD", "country": "SG", "timezone": "Asia/Singapore", "bookable_kinds": ["course"],
         "draw_order": [["one_off", "mid_career"]]}
    )  # fmt: skip
    assert (rules.participation_mode, rules.withdrawal_wd, rules.cap_cents) == (None, None, None)
    assert rules.calendar.country == "SG"


# What-ifs


def test_an_override_replaces_whole_parameters_and_leaves_the_original() -> None:
    changed = override(RULES, {"usage_cap_cents": {"rs": 100000}, "withdrawal_wd": None, "payment_days": 45})
    assert changed.usage_cap_cents == {"rs": 100000}
    assert (changed.withdrawal_wd, changed.payment_days) == (None, 45)
    assert changed.participation_cents == RULES.participation_cents
    assert RULES.usage_cap_cents["skills_assessment"] == 160000
    assert override(RULES, {}) is RULES


@pytest.mark.parametrize("name", PROMISED)
def test_every_promised_parameter_can_be_overridden(name: str) -> None:
    value: Any = {
        "participation_mode": "sum",
        "usage_cap_cents": {"rs": 1},
        "once": "ever",
        "cap_cents": 600000,
    }.get(name, 3)
    assert getattr(override(RULES, {name: value}), name) == value


# Presets


def test_shipped_schemes() -> None:
    assert "cpf" in preset_codes()
    for code in preset_codes():
        preset = load_preset(code)
        assert preset.code == code
        days = [valid_from for valid_from, _ in preset.versions]
        assert days == sorted(set(days))
        for _, rules in preset.versions:
            assert (rules.country, rules.timezone, rules.currency) == (
                preset.country,
                preset.timezone,
                preset.currency,
            )
    with pytest.raises(LookupError, match="unknown scheme 'dif'"):
        load_preset("dif")


def test_the_versions_of_cpf() -> None:
    assert [valid_from.isoformat() for valid_from, _ in CPF.versions] == [
        "2019-11-21",
        "2024-05-02",
        "2024-05-19",
        "2025-01-01",
        "2025-12-05",
        "2026-01-01",
        "2026-02-26",
        "2026-04-02",
    ]
    assert CPF.rules_on(date(2026, 2, 25)).usage_cap_cents == {}
    assert CPF.rules_on(date(2026, 2, 26)).usage_cap_cents["light_licence"] == 90000
    with pytest.raises(LookupError, match="begins on 2019-11-21"):
        CPF.rules_on(date(2019, 11, 20))


HEAD = 'code = "x"\nname = "X"\ncountry = "FR"\ntimezone = "Europe/Paris"\ncurrency = "EUR"\n'
FIRST = '[[versions]]\nvalid_from = 2020-01-01\nbookable_kinds = ["rs"]\ndraw_order = [["rights"]]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, "preset without versions"),
        ('code = "x"\n' + FIRST, "preset without name, country, timezone, currency"),
        (HEAD + "until = 2020-01-01\n" + FIRST, "unknown until"),
        (HEAD + "[[versions]]\n", "must be a date, not None"),
        (HEAD + FIRST + "[[versions]]\nvalid_from = 2020-01-01\n", "does not come after 2020-01-01"),
        (
            HEAD + FIRST + "[[versions]]\nvalid_from = 2021-01-01\ncap_cents = -1\n",
            r"cap_cents.*version 2021-01-01",
        ),
        (HEAD + "versions", "Expected"),
    ],
)
def test_a_preset_at_fault_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_preset(text)


def test_later_versions_state_only_what_changes() -> None:
    preset = read_preset(HEAD + FIRST + "[[versions]]\nvalid_from = 2021-01-01\npayment_days = 10\n")
    assert [rules.payment_days for _, rules in preset.versions] == [None, 10]
    assert preset.versions[1][1].bookable_kinds == ("rs",)


# The page


def test_the_page_of_parameters_is_current() -> None:
    assert documentation.PATH.read_text(encoding="utf-8") == documentation.schemes_page(), (
        "run: python -m funding.schemes.documentation"
    )


def test_the_page_lists_every_parameter() -> None:
    page = documentation.schemes_page()
    assert all(f"| {name} |" in page for name in parameters())
