"""Rules of stacking: entered by who awards, replaced by another version, retired."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import User
from catalogue.models import MicroCredential, Provider, StackKind, StackMember, StackRule
from catalogue.permissions import acts_for_provider, is_authority
from catalogue.stacking.engine import find_cycle
from catalogue.stacking.files import RuleFile
from ila.core import clock
from ila.core.errors import DomainError
from ila.core.locks import acquire, lock

LOCK_KEY = 0x494C41_0115
_UNLISTED = ("draft", "delisted")


def may_write(actor: User, provider: Provider) -> bool:
    """Who enters the rules of an awarding body: its members, and the authority."""
    return acts_for_provider(provider, actor) or is_authority(provider, actor)


def enter_rule(*, actor: User, provider_id: int, told: RuleFile) -> StackRule:
    """Put a rule into force; one of the same code is retired in its favour.

    Locks: the provider; one rule at a time. Raises: DomainError `not_allowed` (403), `unknown_member` and
    `unknown_target` (naming the entries; a target is the body's own), `unreachable` (the threshold is above what
    the members have in its scheme), `forbidden_member` (a rule of the same body forbids it, or the other way
    round), `cycle` (naming the entries that lead to each other).
    """
    with transaction.atomic():
        acquire(lock(Provider, provider_id))
        _one_at_a_time()
        provider = Provider.objects.get(pk=provider_id)
        if not may_write(actor, provider):
            raise DomainError("not_allowed", status=403)
        members = _members(told)
        target = _target(told, provider)
        _check_reach(told, members)
        in_force = StackRule.objects.filter(retired_at=None).exclude(provider=provider, code=told.code)
        _check_forbidden(provider, told, members)
        _check_cycle(in_force, members, target)
        now = clock.now()
        StackRule.objects.filter(provider=provider, code=told.code, retired_at=None).update(
            retired_at=now, retired_by=actor
        )
        rule = StackRule.objects.create(
            provider=provider,
            code=told.code,
            title=told.title,
            description=told.description,
            kind=told.kind,
            direction=told.direction,
            needed=told.needed,
            threshold=told.threshold,
            threshold_scheme=told.scheme,
            prior_learning=told.prior_learning,
            final_examination=told.final_examination,
            leads_to=target,
            created_by=actor,
            created_at=now,
        )
        StackMember.objects.bulk_create(
            StackMember(rule=rule, micro_credential=one, position=position)
            for position, one in enumerate(members, 1)
        )
    return rule


def retire_rule(*, actor: User, public_id: UUID) -> StackRule:
    """Take a rule out of force; who is under way keeps what they earned, and nothing adds up by it any more.

    Locks: the provider. Raises: DomainError `not_found` (404), `not_allowed` (403).
    """
    with transaction.atomic():
        rule = StackRule.objects.select_related("provider").filter(public_id=public_id).first()
        if rule is None:
            raise DomainError("not_found", status=404, kind="stack")
        acquire(lock(Provider, rule.provider_id))
        if not may_write(actor, rule.provider):
            raise DomainError("not_allowed", status=403)
        rule.refresh_from_db()
        if rule.retired_at is None:
            rule.retired_at, rule.retired_by = clock.now(), actor
            rule.save(update_fields=["retired_at", "retired_by"])
    return rule


def _members(told: RuleFile) -> list[MicroCredential]:
    found = {one.entry: one for one in _entries(told.members)}
    unknown = [name for name in told.members if name not in found]
    if unknown:
        raise DomainError("unknown_member", entries=unknown)
    return [found[name] for name in told.members]


def _one_at_a_time() -> None:
    """A cycle may run through the rules of several bodies, entered at the same time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])


def _target(told: RuleFile, provider: Provider) -> MicroCredential | None:
    if told.leads_to is None:
        return None
    # Nobody decides by what another body's credential is reached.
    found = [one for one in _entries([told.leads_to]) if one.provider_id == provider.pk]
    if not found:
        raise DomainError("unknown_target", entries=[told.leads_to])
    return found[0]


def _entries(names: list[str]) -> list[MicroCredential]:
    # Two registers may give a provider the same number: the earlier entry keeps the name.
    rows = MicroCredential.objects.filter(entry__in=names).exclude(state__in=_UNLISTED).order_by("-pk")
    return list(rows)


def _check_reach(told: RuleFile, members: list[MicroCredential]) -> None:
    if told.threshold is None:
        return
    most = sum(
        (one.workload or Decimal(0) for one in members if one.workload_scheme == told.scheme), Decimal(0)
    )
    if most < told.threshold:
        raise DomainError("unreachable", threshold=told.threshold, most=most, scheme=told.scheme)


def _check_forbidden(provider: Provider, told: RuleFile, members: list[MicroCredential]) -> None:
    others = StackMember.objects.filter(
        rule__provider=provider, rule__retired_at=None, micro_credential__in=members
    ).exclude(rule__code=told.code)
    if told.kind == "forbidden":
        others = others.exclude(rule__kind=StackKind.FORBIDDEN)
    else:
        others = others.filter(rule__kind=StackKind.FORBIDDEN)
    names = sorted(set(others.values_list("micro_credential__entry", flat=True)))
    if names:
        raise DomainError("forbidden_member", entries=names)


def _check_cycle(
    in_force: QuerySet[StackRule], members: list[MicroCredential], target: MicroCredential | None
) -> None:
    if target is None:
        return
    edges: dict[int, set[int]] = defaultdict(set)
    rows = StackMember.objects.filter(rule__in=in_force, rule__leads_to__isnull=False)
    for member, leads_to in rows.values_list("micro_credential_id", "rule__leads_to_id"):
        if leads_to is not None:
            edges[member].add(leads_to)
    for one in members:
        edges[one.pk].add(target.pk)
    cycle = find_cycle(edges)
    if cycle:
        names = dict(MicroCredential.objects.filter(pk__in=cycle).values_list("pk", "entry"))
        raise DomainError("cycle", entries=[names[pk] for pk in cycle])
