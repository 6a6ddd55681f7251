"""A provider for each test, ended afterwards."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.accounts.identity.hostile import Provider
from tests.accounts.identity.support import configure


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    made = Provider()
    configure(settings, made.config())
    yield made
    made.stop()
