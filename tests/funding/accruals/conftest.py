"""Lots with balances that no posting explains: for tests that compare reckonings, not books."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.db import connection

from funding.models import Lot
from tests.support.database import WorkerDatabase

FillLot = Callable[..., Lot]


@pytest.fixture(scope="module")
def _filling(worker_database: WorkerDatabase) -> Iterator[None]:
    """The owner lends the application's role what it may not do by itself: setting a lot's balances."""
    with psycopg.connect(worker_database.owner_dsn, autocommit=True) as owner:
        owner.execute(
            "CREATE FUNCTION fill_lot(which bigint, a bigint, h bigint, s bigint) RETURNS void LANGUAGE sql"
            " SECURITY DEFINER SET search_path = public AS 'UPDATE funding_lot SET available_cents = a,"
            " held_cents = h, spent_cents = s WHERE id = which'"
        )
        yield
        owner.execute("DROP FUNCTION fill_lot")


@pytest.fixture
def fill_lot(_filling: None) -> FillLot:
    """`fill_lot(account=…, source=…, available_cents=…)`: a stored lot with those balances."""

    def fill(available_cents: int = 0, held_cents: int = 0, spent_cents: int = 0, **fields: object) -> Lot:
        lot = Lot.objects.create(**fields)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT fill_lot(%s, %s, %s, %s)", [lot.pk, available_cents, held_cents, spent_cents]
            )
        return lot

    return fill
