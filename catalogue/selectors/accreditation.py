"""Whether a provider and a micro-credential are accredited: now, and at any moment of the past."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Exists, Expression, OuterRef, Q, QuerySet, Subquery

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


def is_accredited(*, provider: Provider, credential: MicroCredential, moment: datetime, regime: str) -> bool:
    """Whether what the regime asks for was accredited at that moment, suspensions taken into account.

    A micro-credential that was suspended in the register then was not accredited in any regime.
    regime: `provider`, `programme`, `both` or `supervisory`.
    """
    zone = ZoneInfo(provider.time_zone)
    if not all(
        in_force(moment, zone).filter(scope).exists() for scope in _needed(provider, credential, regime)
    ):
        return False
    latest = credential.log.filter(at__lte=moment).order_by("-at", "-pk").first()
    return latest is None or latest.target != CredentialState.SUSPENDED


def is_suspended(*, provider: Provider, credential: MicroCredential, regime: str) -> bool:
    """Whether an accreditation that the regime asks for, or the micro-credential itself, is suspended now."""
    if credential.state == CredentialState.SUSPENDED:
        return True
    suspended = Accreditation.objects.filter(state=AccreditationState.SUSPENDED)
    return any(suspended.filter(scope).exists() for scope in _needed(provider, credential, regime))


def _needed(provider: Provider, credential: MicroCredential, regime: str) -> list[Q]:
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
    latest = AccreditationLog.objects.filter(subject=OuterRef("pk"), at__lte=moment).order_by("-at", "-pk")
    return (
        Accreditation.objects.filter(Q(valid_from__isnull=True) | Q(valid_from__lte=day))
        .filter(Q(valid_until__isnull=True) | Q(valid_until__gte=day))
        .annotate(state_then=Subquery(latest.values("target")[:1]))
        .filter(state_then=AccreditationState.ACCREDITED)
    )


def provider_in_force(moment: datetime, zone: ZoneInfo, provider_ref: str) -> Exists:
    """Condition for a queryset: the provider that `provider_ref` names was accredited at that moment."""
    return Exists(in_force(moment, zone).filter(provider=OuterRef(provider_ref)))


def credential_in_force(moment: datetime, zone: ZoneInfo, credential_ref: str) -> Exists:
    """Condition for a queryset: the micro-credential that `credential_ref` names was accredited then."""
    return Exists(in_force(moment, zone).filter(micro_credential=OuterRef(credential_ref)))
