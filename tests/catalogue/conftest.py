"""Files and imports for the tests of the catalogue."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from catalogue.importing.problems import Report
from catalogue.services.imports import import_catalogue
from tests.catalogue.edof_files import F, Folder

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Where a test's files go."""
    return Folder(tmp_path)


@pytest.fixture
def import_edof(db: None, folder: Folder) -> Callable[..., Report]:
    """Import formations, or files, as one EDOF catalogue."""

    def run(*parts: F | Path, register: Path | None = None, **options: Any) -> Report:
        files = [part for part in parts if isinstance(part, Path)]
        formations = [part for part in parts if isinstance(part, F)]
        if formations:
            files.append(folder.edof(*formations))
        return import_catalogue(kind="edof", files=files, register=register, **options)

    return run


@pytest.fixture
def listing(db: None) -> Callable[..., dict[str, dict[str, Any]]]:
    """What `catalogue_list --json` prints, by entry."""

    def run(**options: Any) -> dict[str, dict[str, Any]]:
        out = StringIO()
        call_command("catalogue_list", json=True, stdout=out, **options)
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        return {line["entry"]: line for line in lines}

    return run


def counts(report: Report) -> tuple[int, int, int, int, int]:
    """created, updated, unchanged, rejected, delisted."""
    return report.created, report.updated, report.unchanged, report.rejected, report.delisted


def errors(report: Report) -> list[tuple[str, str | None, str | None]]:
    """(code, entry, field) of each error."""
    return [(one.code, one.entry, one.field) for one in report.errors.listed]


def warnings(report: Report) -> list[tuple[str, str | None, str | None]]:
    """(code, entry, field) of each warning."""
    return [(one.code, one.entry, one.field) for one in report.warnings.listed]
