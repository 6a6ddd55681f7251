"""Every rule of the schemes is shown by at least one test that bears its id in its name."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
LISTED = set((TESTS / "data" / "rule_ids.txt").read_text(encoding="utf-8").split())


def ids_in_names() -> dict[str, list[str]]:
    """The names of test functions by the rule ids in them (`test_f02_n01_…`)."""
    found: dict[str, list[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for letter, number in re.findall(r"(?<![a-z0-9])([fns])(\d\d)(?![a-z0-9])", node.name):
                    found.setdefault(f"{letter.upper()}-{number}", []).append(node.name)
    return found


def test_every_rule_has_a_test_of_its_name() -> None:
    assert sorted(LISTED - ids_in_names().keys()) == []


def test_no_test_names_a_rule_that_there_is_not() -> None:
    unknown = {rule: names for rule, names in ids_in_names().items() if rule not in LISTED}
    assert unknown == {}
