"""The words that scheme rules are written in: kinds, sources, statuses, reasons."""

from typing import Final, Literal, get_args

Kind = Literal[
    "rncp",
    "rs",
    "clea",
    "skills_assessment",
    "prior_learning",
    "light_licence",
    "heavy_licence",
    "business_creation",
    "course",
    "curated_course",
]
"""What a micro-credential is, as far as money depends on it."""

Source = Literal["rights", "endowment", "corrective", "employer", "public", "one_off", "mid_career", "grant"]
"""Where public or third-party money in a learning account comes from; one's own money is `learner`."""

Status = Literal["employed", "job_seeker", "self_employed", "student", "retired", "inactive"]

ExitReason = Literal["complete", "learner", "provider_postponed", "provider", "force_majeure"]
"""Why a learner left a training (F-29)."""

Conduct = Literal["F-11", "F-33", "F-35", "N-12", "S-09", "S-11", "S-12", "S-13", "S-15"]
"""Rules of conduct, by their ids: what providers, employers and promoters do, which no amount expresses."""

Endowment = Literal["voluntary", "supplementary", "corrective", "dismissal", "whistle_blower"]
"""Why an employer or another third party endows an account (F-05)."""

ENDOWMENTS: Final[tuple[str, ...]] = get_args(Endowment)
KINDS: Final[tuple[str, ...]] = get_args(Kind)
SOURCES: Final[tuple[str, ...]] = get_args(Source)
STATUSES: Final[tuple[str, ...]] = get_args(Status)
EXIT_REASONS: Final[tuple[str, ...]] = get_args(ExitReason)

PRIVATE_SOURCES: Final[frozenset[str]] = frozenset({"endowment", "corrective", "employer", "learner"})
"""Whose money is not the public's; limits on public money do not concern it."""

LEARNER: Final = "learner"
"""The source name of the learner's own money."""
