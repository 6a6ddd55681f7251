"""A statement to look at."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from funding.models import LearningAccount, Statement
from funding.services import statements


def statement_of(account: LearningAccount, *, last_day: date = date(2026, 6, 30)) -> UUID:
    """The public id of the account's statement up to that day, made now."""
    statements.make_statements(scheme=account.scheme, last_day=last_day)
    return Statement.objects.get(account=account, last_day=last_day).public_id
