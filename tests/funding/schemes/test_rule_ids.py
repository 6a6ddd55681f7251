"""Every rule of the schemes is shown by at least one test that bears its id in its name and asserts something.

A name alone would be cheap. So the test has to assert (itself, or through a helper of its own module that does), may
not be skipped or expected to fail, may not stand for more than a few rules at once, and calls something.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from funding.schemes.rules import SchemeRules

TESTS = Path(__file__).parents[2]
LISTED = set((TESTS / "data" / "rule_ids.txt").read_text(encoding="utf-8").split())
AT_MOST = 4
"""Rules that one test may stand for; one that names more shows none of them."""
RAISING = {"raises", "expect_refusal", "refused", "check"}
EXCUSES = {"skip", "skipif", "xfail"}

Function = ast.FunctionDef


@cache
def modules() -> dict[Path, ast.Module]:
    """Every test module, parsed."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(TESTS.rglob("test_*.py"))}


def rules_in(name: str) -> list[str]:
    """The rule ids in a test's name (`test_f02_n01_…`)."""
    found = re.findall(r"(?<![a-z0-9])([fns])(\d\d)(?![a-z0-9])", name)
    return [f"{letter.upper()}-{number}" for letter, number in found]


def bearing_rules() -> Iterator[tuple[Path, Function, list[str]]]:
    """Every test function with a rule in its name."""
    for path, module in modules().items():
        for node in ast.walk(module):
            if isinstance(node, Function) and node.name.startswith("test_") and rules_in(node.name):
                yield path, node, rules_in(node.name)


def called(node: ast.AST) -> set[str]:
    """The names of what a piece of code calls."""
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            target = each.func
            found.add(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
    return found - {""}


def asserts(node: ast.AST) -> bool:
    """Whether it claims something that could be false: not a constant, and something is compared or called."""
    for each in ast.walk(node):
        if isinstance(each, ast.Assert) and not isinstance(each.test, ast.Constant):
            return True
    return bool(called(node) & RAISING)


def claims_something(path: Path, test: Function) -> bool:
    """Whether a test asserts itself, or by a function of its own module that it calls."""
    helpers = {each.name: each for each in ast.walk(modules()[path]) if isinstance(each, Function)}
    return asserts(test) or any(asserts(helpers[name]) for name in called(test) & helpers.keys())


def excused(test: Function) -> bool:
    """Whether a test is skipped or expected to fail."""
    named = {
        each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "")
        for decorator in test.decorator_list
        for each in ast.walk(decorator)
    }
    return bool(named & EXCUSES)


def test_every_rule_has_a_test_of_its_name_that_claims_something() -> None:
    shown = {
        rule
        for path, test, rules in bearing_rules()
        if len(set(rules)) <= AT_MOST and claims_something(path, test) and called(test) and not excused(test)
        for rule in rules
    }
    assert sorted(LISTED - shown) == []


def test_no_test_names_a_rule_that_there_is_not() -> None:
    assert [test.name for _, test, rules in bearing_rules() if set(rules) - LISTED] == []


def test_every_rule_that_a_parameter_names_is_listed() -> None:
    named = {
        rule
        for field in SchemeRules.model_fields.values()
        for rule in re.findall(r"\b[FNS]-\d\d\b", repr(field))
    }
    assert len(named) > 30
    assert sorted(named - LISTED) == []


@pytest.mark.parametrize(
    ("body", "enough"),
    [
        ("assert True", False),
        ("look()", False),
        ("assert look() == 1", True),
        ("with pytest.raises(ValueError): look()", True),
    ],
)
def test_a_name_alone_is_not_enough(body: str, enough: bool) -> None:
    assert asserts(ast.parse(body)) is enough
