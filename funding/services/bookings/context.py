"""What every walk of a booking begins with: the rows, locked in order, and the rules that hold for it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from accounts.models import Citizen
from catalogue.models import MicroCredential, Session
from funding.models import Booking, LearningAccount, Scheme, SchemeVersion, version_on
from funding.schemes.facts import CredentialFacts, LearnerFacts
from funding.schemes.rules import SchemeRules
from ila.core import clock, locks
from ila.core.calendars import WorkingCalendar, calendar_for
from ila.core.errors import DomainError

RELATED = (
    "account__citizen__user",
    "account__scheme",
    "session",
    "credential",
    "provider",
    "consent",
    "scheme_version",
)


@dataclass(frozen=True, slots=True)
class Walk:
    """A booking locked with what it belongs to, and the rules it is under."""

    booking: Booking
    rules: SchemeRules
    calendar: WorkingCalendar
    now: datetime

    @property
    def account(self) -> LearningAccount:
        return self.booking.account

    @property
    def scheme(self) -> Scheme:
        return self.booking.account.scheme

    @property
    def session(self) -> Session:
        return self.booking.session

    @property
    def starts_at(self) -> datetime:
        """The session's start. Raises: DomainError `not_bookable` while it has no dates."""
        if self.session.starts_at is None:
            raise DomainError("not_bookable", reason="no_dates")
        return self.session.starts_at


def read_booking(booking_id: int) -> Booking:
    """The booking with everything it belongs to, unlocked. Raises: DomainError `not_found` (404)."""
    booking = Booking.objects.select_related(*RELATED).filter(pk=booking_id).first()
    if booking is None:
        raise DomainError("not_found", status=404, kind="booking")
    return booking


def open_walk(booking_id: int) -> Walk:
    """Lock a booking, its account, its session (shared) and its consent, in the house's order.

    An accepted booking is under the rules of its acceptance, any other under those of today.
    Raises: DomainError `not_found` (404); RuntimeError outside a transaction.
    """
    return lock_walk(read_booking(booking_id))


def lock_walk(seen: Booking) -> Walk:
    """Lock what was read, and carry over the rows that never change."""
    wanted = [
        locks.lock(LearningAccount, seen.account_id),
        locks.lock(Session, seen.session_id, share=True),
        locks.lock(Booking, seen.pk),
    ]
    account, session, booking = locks.acquire(*wanted)
    account.citizen, account.scheme = seen.account.citizen, seen.account.scheme
    booking.account, booking.session = account, session
    booking.credential, booking.provider = seen.credential, seen.provider
    if booking.consent_id is not None and booking.consent_id == seen.consent_id:
        booking.consent = seen.consent
    version = rules_version(booking, seen)
    return Walk(booking, version.parsed, calendar_of(account.scheme), clock.now())


def rules_version(booking: Booking, seen: Booking) -> SchemeVersion:
    """The version of the rules that a booking is under."""
    if booking.scheme_version_id is None:
        return version_on(booking.account.scheme, today(booking.account.scheme))
    if booking.scheme_version_id == seen.scheme_version_id and seen.scheme_version is not None:
        return seen.scheme_version
    return SchemeVersion.objects.get(pk=booking.scheme_version_id)


def calendar_of(scheme: Scheme) -> WorkingCalendar:
    """The scheme's calendar."""
    return calendar_for(scheme.country, scheme.timezone)


def today(scheme: Scheme) -> date:
    """The day it is in the scheme's time zone."""
    return calendar_of(scheme).local_date(clock.now())


def facts_of_learner(citizen: Citizen) -> LearnerFacts:
    """What the rules may ask about a citizen."""
    return LearnerFacts(
        birth_date=citizen.birth_date,
        status=citizen.status,
        qualification_level=citizen.qualification_level,
        disabled=citizen.disabled,
        hours_ratio=citizen.hours_ratio,
        annual_hours=citizen.annual_hours,
        driving_licences=tuple(citizen.driving_licences),
        residence=citizen.residence,
        citizen=citizen.citizenship,
        work_incapacity_percent=citizen.work_incapacity_percent,
        prevention_account=citizen.prevention_account,
        student_finance=citizen.student_finance,
        insured_months=citizen.insured_months,
        income_cents=citizen.income_cents,
    )


def facts_of_credential(credential: MicroCredential) -> CredentialFacts:
    """What the rules may ask about a micro-credential."""
    return CredentialFacts(
        kind=credential.kind,
        code=credential.code,
        field=credential.isced_field,
        entry=str(credential.pk),
        publicly_funded=bool(credential.publicly_funded),
        prerequisites=bool(credential.has_prerequisites),
        hours=None if credential.hours is None else Decimal(credential.hours),
    )
