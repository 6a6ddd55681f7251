"""House rules that no linter knows: sizes, addresses of registries, imports inside functions, migrations."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULE_LINES = 500
TEST_LINES = 1_000
REGISTRY = re.compile(
    r"(?i)(--(extra-)?index-url|--find-links|pypi\.org/simple|files\.pythonhosted\.org|registry\.npmjs\.org"
    r"|(index|extra-index|default-index)[-_]url\s*=)"
)
# Facts about packages may name their pages; these files are where the words above are meant.
REGISTRY_EXEMPT = {".ci/house.py", "Makefile"}
FORBIDDEN_IMPORTS_IN_MIGRATIONS = ("accounts", "catalogue", "funding", "fraud")


def tracked() -> list[Path]:
    """The files under version control, and new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        skipped = {".venv", ".data", ".git", "__pycache__"}
        return [p for p in ROOT.rglob("*") if p.is_file() and not skipped.intersection(p.parts)]
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def problems() -> Iterator[str]:
    """One line for each broken rule."""
    for path in sorted(tracked()):
        name = path.relative_to(ROOT).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if name not in REGISTRY_EXEMPT:
            for number, line in enumerate(text.splitlines(), 1):
                if REGISTRY.search(line):
                    yield f"{name}:{number}: the address of a package registry"
        if path.suffix == ".py":
            yield from python_problems(name, text)


def python_problems(name: str, text: str) -> Iterator[str]:
    """Sizes and imports of one module."""
    lines = text.count("\n")
    migration = "/migrations/" in f"/{name}"
    limit = TEST_LINES if name.startswith("tests/") else MODULE_LINES
    if lines >= limit and not migration:
        yield f"{name}: {lines} lines, the limit is {limit}"
    tree = ast.parse(text, name)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield f"{name}:{node.lineno}: an import inside a function"
    if migration:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                FORBIDDEN_IMPORTS_IN_MIGRATIONS
            ):
                yield f"{name}:{node.lineno}: a migration imports the code of an app"


def main() -> int:
    """Print what is wrong; the exit status says whether anything is."""
    found = sorted(set(problems()))
    for line in found:
        sys.stderr.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
