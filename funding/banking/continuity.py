"""Whether statements follow each other without a hole, and each explains its own balances."""

from __future__ import annotations

from dataclasses import dataclass

from funding.banking.messages import AccountReport


@dataclass(frozen=True, slots=True)
class StatementGap:
    """Something a statement leaves out. code: `missing_statement`, `balance_jump` or `unexplained_amount`.

    `cents` is the money not explained, credits positive.
    """

    code: str
    cents: int
    message: str


def find_own_gap(report: AccountReport) -> StatementGap | None:
    """The balances of one statement moved by more or less than its entries say."""
    if report.difference_cents == 0:
        return None
    return StatementGap(
        "unexplained_amount",
        report.difference_cents,
        f"statement {report.sequence_number}: {report.difference_cents} cents moved that no entry shows",
    )


def find_gaps_between(
    *, number: int | None, closing_cents: int, following: AccountReport
) -> list[StatementGap]:
    """Holes between a stored statement (its number and closing balance) and the one that follows it."""
    gaps = []
    later = following.sequence_number
    if number is not None and later is not None and later > number + 1:
        missing = f"{number + 1}" if later == number + 2 else f"{number + 1}–{later - 1}"
        gaps.append(StatementGap("missing_statement", 0, f"statement {missing} is missing before {later}"))
    if following.opening is not None and following.opening.amount_cents != closing_cents:
        jump = following.opening.amount_cents - closing_cents
        gaps.append(
            StatementGap(
                "balance_jump",
                jump,
                f"statement {later} opens {jump} cents away from the last closing",
            )
        )
    return gaps
