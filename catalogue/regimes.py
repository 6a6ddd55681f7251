"""How providers and programmes become accredited: one regime for each register, as data.

The figures are those of the schemes that pay for what a register lists (F-34, F-35, S-17); a test compares them.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from catalogue.models.applications import DocumentKind
from catalogue.registers import ETPL_NJ, OWN, SIRET, Register, register_of
from ila.core.errors import DomainError

PROVIDER, PROGRAMME, BOTH, SUPERVISORY = "provider", "programme", "both", "supervisory"


@dataclass(frozen=True)
class Regime:
    """What an authority asks for, and how long it may take.

    kind: `provider`, `programme`, `both`, or `supervisory` (the provider is graded, 1 the best). points: the
    checklist. audit_months: months after the accreditation at which surveillance audits are planned.
    trainers_certified_percent: how many trainers at least hold the certificate; None: it is not asked.
    price_jump_percent: a price that rises by more, within price_jump_days, waits for a person.
    """

    authority: str
    kind: str
    points: tuple[str, ...]
    documents: tuple[str, ...]
    admissibility_wd: int = 11
    decision_months: int = 2
    reapply_months: int = 12
    validity_months: int | None = 36
    audit_months: tuple[int, ...] = ()
    subcontract_max_percent: int = 80
    trainers_certified_percent: int | None = None
    deregistered_grade: int | None = None
    price_jump_percent: int = 20
    price_jump_days: int = 180

    @property
    def graded(self) -> bool:
        """Whether the provider is given a grade."""
        return self.kind == SUPERVISORY

    @property
    def accredits_programmes(self) -> bool:
        """Whether each programme needs an accreditation of its own."""
        return self.kind in (PROGRAMME, BOTH)


_COMMON = ("identity", "directors", "account", "capacity", "public_information", "needs", "means", "trainers")
# Of a claim of a listing: who it is, that who signs in speaks for it, and whose account it is.
CLAIM_POINTS = ("identity", "mandate", "listing", "account")
CLAIM_PAPERS = (DocumentKind.REGISTRATION.value, DocumentKind.IDENTITY.value)
_PAPERS = (DocumentKind.REGISTRATION.value, DocumentKind.QUALITY.value)

REGIMES = {
    SIRET.code: Regime(
        authority=SIRET.authority,
        kind=PROVIDER,
        points=(*_COMMON, "environment", "complaints", "subcontracting"),
        documents=_PAPERS,
        audit_months=(16,),
    ),
    ETPL_NJ.code: Regime(
        authority=ETPL_NJ.authority,
        kind=PROGRAMME,
        points=(*_COMMON, "outcomes"),
        documents=_PAPERS,
        validity_months=12,
    ),
    OWN.code: Regime(
        authority=OWN.authority,
        kind=SUPERVISORY,
        points=(*_COMMON, "marketing", "assessment_methods", "outcomes", "subcontracting"),
        documents=(*_PAPERS, DocumentKind.ACCOUNTS.value),
        audit_months=(12, 24),
        trainers_certified_percent=80,
        deregistered_grade=3,
    ),
}


def regime_of(register: str) -> Regime:
    """The regime of a register. Raises: KeyError for a register that nobody declared."""
    return REGIMES[register]


def admissibility_due(register: Register, submitted_at: datetime) -> datetime:
    """Until when an applicant is told whether its file is complete (F-34)."""
    calendar = register.calendar
    day = calendar.add_working_days(
        calendar.local_date(submitted_at), regime_of(register.code).admissibility_wd
    )
    return calendar.end_of_day(day)


def decision_due(register: Register, submitted_at: datetime) -> datetime:
    """Until when an application is decided, as long as nothing is asked (F-34)."""
    calendar = register.calendar
    months = regime_of(register.code).decision_months
    return calendar.end_of_day(add_months(calendar.local_date(submitted_at), months))


def free_again_on(regime: Regime, ended_on: date) -> date:
    """The first day on which one may apply again after a refusal or a withdrawal (S-17)."""
    return add_months(ended_on, regime.reapply_months)


def last_day(regime: Regime, first_day: date) -> date | None:
    """The last day of an accreditation that begins on a day; None: it has no end."""
    if regime.validity_months is None:
        return None
    return add_months(first_day, regime.validity_months) - timedelta(days=1)


def add_months(day: date, months: int) -> date:
    """The same day so many months later; the last one of that month where it has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError(f"{year}-{month} has a 28th")


def check_subcontracting(
    regime: Regime, *, turnover_cents: int, subcontracted_cents: int, delisted: bool
) -> None:
    """Raise DomainError `not_allowed` for subcontracting that may not be (F-35).

    turnover_cents, subcontracted_cents: of a year. delisted: one of the subcontractors was.
    """
    most = regime.subcontract_max_percent
    if delisted:
        raise DomainError("not_allowed", rule="F-35", reason="delisted")
    if subcontracted_cents * 100 > turnover_cents * most:
        raise DomainError("not_allowed", rule="F-35", reason="share", most_percent=most)


def registers() -> list[Register]:
    """The registers that have a regime."""
    return [register_of(code) for code in REGIMES]
