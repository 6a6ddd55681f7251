"""A desk on a Monday, with a folder of its own for documents and nobody's bank to ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ila.core import clock
from tests.catalogue.providers.desk import MONDAY, Desk


@pytest.fixture(autouse=True)
def ground(settings: Any, tmp_path: Path) -> None:
    settings.DOCUMENTS_DIR = tmp_path / "documents"
    settings.STAND_IN_PAYEES = True


@pytest.fixture
def hand() -> Iterator[clock.VirtualClock]:
    with clock.at(MONDAY) as moved:
        yield moved


@pytest.fixture
def desk(db: None, hand: clock.VirtualClock) -> Desk:
    return Desk.made()
