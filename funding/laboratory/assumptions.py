"""What a generated population is made of. Every figure here is assumed: an order of magnitude, no statistic.

Shares are per thousand, prices in whole units of the scheme's currency. docs/laboratory.md says what each is for;
a change of any of them changes what a seed stands for, and `VERSION` with it.
"""

from typing import Final, NamedTuple

VERSION: Final = 1

AGES: Final = ((16, 24, 150), (25, 34, 195), (35, 44, 205), (45, 54, 210), (55, 64, 190), (65, 70, 50))
"""(youngest, oldest, per thousand)."""


class StatusAssumed(NamedTuple):
    """Of a status: per thousand at 16–24, 25–61 and from 62 on, trainings per thousand and year, median income."""

    young: int
    middle: int
    old: int
    bookings: int
    income: int


STATUSES: Final = {
    "employed": StatusAssumed(410, 690, 110, 60, 29_000),
    "job_seeker": StatusAssumed(110, 80, 15, 120, 11_000),
    "self_employed": StatusAssumed(20, 110, 55, 45, 31_000),
    "student": StatusAssumed(390, 10, 0, 25, 4_000),
    "retired": StatusAssumed(0, 20, 770, 4, 19_000),
    "inactive": StatusAssumed(70, 90, 50, 15, 6_000),
}

QUALIFICATIONS: Final = ((1, 60), (2, 70), (3, 240), (4, 220), (5, 150), (6, 130), (7, 115), (8, 15))
"""(level, per thousand)."""

HOURS: Final = ((10, 780), (9, 30), (8, 60), (7, 25), (6, 25), (5, 35), (4, 15), (3, 12), (2, 10), (1, 8))
"""(tenths of full-time hours, per thousand) of who works."""

DISABLED, PREVENTION_ACCOUNT, WORK_INCAPACITY, LICENCE_B, STUDENT_FINANCE = 60, 12, 8, 780, 420
RESIDENT, CITIZEN, INSURED = 985, 920, 900
"""Per thousand; student finance of students, the licence of who is 18 or older, insured of who works or seeks work."""

ELSEWHERE: Final = "ZZ"


class KindAssumed(NamedTuple):
    """Of a kind of training: its weight among the bookable ones, hours, median price and its spread (sigma of ln)."""

    weight: int
    hours: int
    price: int
    spread: float


KINDS: Final = {
    "rncp": KindAssumed(170, 210, 2_600, 0.7),
    "rs": KindAssumed(330, 24, 1_350, 0.5),
    "clea": KindAssumed(15, 70, 1_500, 0.3),
    "skills_assessment": KindAssumed(90, 24, 1_800, 0.2),
    "prior_learning": KindAssumed(35, 24, 1_500, 0.3),
    "light_licence": KindAssumed(230, 30, 1_250, 0.25),
    "heavy_licence": KindAssumed(60, 105, 2_600, 0.35),
    "business_creation": KindAssumed(70, 28, 1_700, 0.4),
    "course": KindAssumed(200, 30, 700, 0.6),
    "curated_course": KindAssumed(60, 40, 1_100, 0.5),
}

MONTHS: Final = (95, 90, 100, 85, 80, 85, 60, 45, 110, 100, 85, 65)
"""Weights of the months in which learners accept."""

AGAIN: Final = 150
"""Per thousand of who books: a second booking in the same year."""

HOURS_A_DAY: Final = 6
LEAD_DAYS: Final = (16, 50)
"""From the acceptance to the start."""

DONE: Final = ((100, 880), (75, 25), (60, 25), (50, 20), (30, 15), (10, 10), (0, 25))
"""(percent done, per thousand)."""

CERTIFIED: Final = 930
"""Per thousand of who did at least 80 %."""

PAYS_WHATEVER: Final = 450
OWN_LIMIT: Final = 350
"""Per thousand who pay any part of their own; the others' limit is exponential with this mean."""

PAST_YEARS: Final = 7
"""Years of credits before the first year played, at most, evenly spread; none before the age of 18."""

USED_BEFORE: Final = 220
"""Per thousand who have used a part of what they had, evenly spread from nothing to all."""
