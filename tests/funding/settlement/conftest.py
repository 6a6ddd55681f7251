"""A desk per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.funding.settlement.desk import Desk, check_books, settlement_desk


@pytest.fixture
def desk(db: None) -> Iterator[Desk]:
    with settlement_desk() as made:
        yield made
        check_books()
