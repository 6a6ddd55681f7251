"""A window's budget in several rows: an application takes from one of them, and the last ones from all (decision 0081).

Whoever applies takes from the part that their account falls on, or from the next one that has enough. When no part
has enough by itself, the remains are gathered in the window's own budget, under a lock on all of them: so not a cent
is promised twice, and nobody is refused while the parts together suffice.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from accounts.models import User
from funding.models import Booking, Bucket, Budget, Fund
from funding.services import ledger
from funding.services.ledger import Line
from ila.core.batch import Batch
from ila.core.pipeline import Result

if TYPE_CHECKING:
    from funding.services.windows.situation import Locked, Part

LOCK_PARTS = f"SELECT id, available_cents FROM {Budget._meta.db_table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


def choose_part(parts: "Sequence[Part]", account_id: int, cents: int) -> int | None:
    """The budget to take so many cents from: the account's own part, or the next that had enough when it was read."""
    home = account_id % len(parts)
    for budget_id, left in (*parts[home:], *parts[:home]):
        if left >= cents:
            return budget_id
    return None


def gather(batch: Batch, cents: int, locked: "Locked", *, booking: Booking, actor: User) -> int | None:
    """Lock all parts and return a budget that has so many cents, None when they have not even together.

    Adds to `batch` the entry that brings the remains together, where no part has enough alone.
    Locks: the parts by id, after the seat and the programme's count. Raises: nothing of its own.
    """
    left = _lock(locked)
    for budget_id, _ in locked.parts:
        if left[budget_id] >= cents:
            return budget_id
    if sum(left.values()) < cents:
        return None
    first = locked.parts[0][0]
    others = [(budget_id, rest) for budget_id, rest in left.items() if rest and budget_id != first]
    lines = [Line(Bucket.BUDGET, Fund.PUBLIC, -rest, budget_id=budget_id) for budget_id, rest in others]
    lines.append(Line(Bucket.BUDGET, Fund.PUBLIC, sum(rest for _, rest in others), budget_id=first))
    batch.add(
        *ledger.statement(
            scheme=locked.window.scheme,
            kind="gather_budget",
            key=f"gather:{booking.pk}",
            actor=actor,
            lines=lines,
        )
    )
    return first


def _lock(locked: "Locked") -> dict[int, int]:
    """Cents left of each part, as they are while this transaction lasts."""
    left: dict[int, int] = {}

    def keep(result: Result) -> None:
        left.update(result.rows)

    batch = Batch()
    batch.add(LOCK_PARTS, [[budget_id for budget_id, _ in locked.parts]], keep)
    batch.send()
    return left
