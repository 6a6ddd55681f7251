"""Remittance advices: one for each executed payment to a provider, numbered in its scheme without a gap."""

from collections import defaultdict
from collections.abc import Sequence

from django.db import connection

from funding.models import Claim, ClaimKind, NumberSeries, Payment, Remittance
from ila.core import clock

# The row is locked until the transaction ends: a number that is given is never lost, nor given twice.
TAKE = f"""
INSERT INTO {NumberSeries._meta.db_table} AS series (scheme_id, last) VALUES (%s, %s)
ON CONFLICT (scheme_id) DO UPDATE SET last = series.last + excluded.last
RETURNING last
"""
PROVIDERS_CLAIMS = (ClaimKind.ADVANCE, ClaimKind.FINAL)


def number_payments(payments: Sequence[Payment]) -> None:
    """Draw up the advice of each of these executed payments, locked with their batches and claims.

    Locks: the scheme's series, last of all. A payment has one advice, whatever becomes of it later.
    """
    by_scheme: dict[int, list[Payment]] = defaultdict(list)
    for payment in payments:
        if payment.claim.kind in PROVIDERS_CLAIMS:
            by_scheme[payment.batch.scheme_id].append(payment)
    for scheme_id, theirs in sorted(by_scheme.items()):
        last = take_numbers(scheme_id, len(theirs))
        first = last - len(theirs) + 1
        Remittance.objects.bulk_create(
            Remittance(
                scheme_id=scheme_id,
                provider_id=_provider_of(payment.claim),
                number=number,
                payment=payment,
                made_at=clock.now(),
            )
            for number, payment in enumerate(sorted(theirs, key=lambda each: each.pk), start=first)
        )


def take_numbers(scheme_id: int, how_many: int) -> int:
    """Take so many numbers of a scheme's series at once; returns the last of them. Inside a transaction only."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [scheme_id, how_many])
        return int(cursor.fetchone()[0])


def _provider_of(claim: Claim) -> int:
    return claim.provider_id
