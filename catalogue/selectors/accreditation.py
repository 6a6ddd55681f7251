"""Whether a provider and a micro-credential are accredited: now, and at any moment of the past."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Expression, OuterRef, Q, QuerySet, Subquery

from catalogue.models import (
    Accreditation,
    AccreditationLog,
    AccreditationState,
    CredentialState,
    MicroCredential,
    Provider,
)

# Whose accreditation a booking needs, by the scheme's regime (supervisory: the provider is graded).
PROVIDER_REGIMES = ("provider", "both", "supervisory")
CREDENTIAL_REGIMES = ("programme", "both")


def is_accredited(
    *, provider: Provider, credential: MicroCredential | None, moment: datetime, regime: str
) -> bool:
    """Whether what the regime asks for was accredited at that moment, suspensions taken into account.

    A micro-credential that was suspended in the register then was not accredited in any regime; none is looked at
    where the provider's accreditation alone is asked about.
    regime: `provider`, `programme`, `both` or `supervisory`.
    """
    needed = _needed(provider, credential, regime)
    if not all(in_force(moment, ZoneInfo(provider.time_zone)).filter(scope).exists() for scope in needed):
        return False
    return _state_of_credential(credential, moment) != CredentialState.SUSPENDED


def was_suspended(
    *, provider: Provider, credential: MicroCredential | None, moment: datetime, regime: str
) -> bool:
    """Whether suspensions alone stood in the way at that moment, of what was else accredited on its day."""
    day = provider.local_date(moment)
    states = [
        set(_on_day(moment, day).filter(scope).values_list("state_then", flat=True))
        for scope in _needed(provider, credential, regime)
    ]
    if not all(each & {AccreditationState.ACCREDITED, AccreditationState.SUSPENDED} for each in states):
        return False
    return _state_of_credential(credential, moment) == CredentialState.SUSPENDED or not all(
        AccreditationState.ACCREDITED in each for each in states
    )


def is_suspended(*, provider: Provider, credential: MicroCredential | None, regime: str) -> bool:
    """Whether an accreditation that the regime asks for, or the micro-credential itself, is suspended now."""
    if credential is not None and credential.state == CredentialState.SUSPENDED:
        return True
    suspended = Accreditation.objects.filter(state=AccreditationState.SUSPENDED)
    return any(suspended.filter(scope).exists() for scope in _needed(provider, credential, regime))


def _needed(provider: Provider, credential: MicroCredential | None, regime: str) -> list[Q]:
    needed = []
    if regime in PROVIDER_REGIMES:
        needed.append(Q(provider=provider))
    if regime in CREDENTIAL_REGIMES:
        needed.append(Q(micro_credential=credential))
    return needed


def satisfied(regime: str, *, provider: bool, credential: bool) -> bool:
    """Whether a regime is content with these accreditations."""
    return (provider or regime not in PROVIDER_REGIMES) and (credential or regime not in CREDENTIAL_REGIMES)


def in_force(moment: datetime, zone: ZoneInfo) -> QuerySet[Accreditation]:
    """Accreditations that stood at that moment: valid on its day in `zone`, not suspended or ended."""
    return standing(moment, moment.astimezone(zone).date())


def standing(moment: datetime | Expression, day: date | Expression) -> QuerySet[Accreditation]:
    """As `in_force`, for a moment and its day at the provider's place that may come later (`ila.core.prepared`)."""
    return _on_day(moment, day).filter(state_then=AccreditationState.ACCREDITED)


def _on_day(moment: datetime | Expression, day: date | Expression) -> QuerySet[Any, Any]:
    """Accreditations whose days cover that day, with the state each was in at the moment (`state_then`)."""
    latest = AccreditationLog.objects.filter(subject=OuterRef("pk"), at__lte=moment).order_by("-at", "-pk")
    return (
        Accreditation.objects.filter(Q(valid_from__isnull=True) | Q(valid_from__lte=day))
        .filter(Q(valid_until__isnull=True) | Q(valid_until__gte=day))
        .annotate(state_then=Subquery(latest.values("target")[:1]))
    )


def _state_of_credential(credential: MicroCredential | None, moment: datetime) -> str | None:
    if credential is None:
        return None
    latest = credential.log.filter(at__lte=moment).order_by("-at", "-pk").first()
    return None if latest is None else latest.target
