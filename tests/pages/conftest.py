"""One scene per test, with nothing remembered from the test before."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from tests.pages.support import Scene, make_scene


@pytest.fixture
def scene(db: None) -> Scene:
    """Everybody, and an offer in Lyon."""
    cache.clear()
    return make_scene()
