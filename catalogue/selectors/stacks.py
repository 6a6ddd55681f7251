"""What a page shows of stacks: rules with their members, what leads where, how far a learner is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from accounts.models import Citizen
from catalogue.models import (
    Award,
    AwardKind,
    AwardState,
    CredentialKind,
    MicroCredential,
    StackMember,
    StackRule,
)
from catalogue.stacking import engine
from ila.core import clock


@dataclass(frozen=True, slots=True)
class Stack:
    """A rule in force with its members in order."""

    rule: StackRule
    members: list[MicroCredential]

    def as_data(self) -> engine.Rule:
        """The rule as the engine takes it."""
        return engine.Rule(
            kind=self.rule.kind,
            members=tuple(engine.Member(one.pk, one.workload, one.workload_scheme) for one in self.members),
            needed=self.rule.needed,
            threshold=self.rule.threshold,
            scheme=self.rule.threshold_scheme,
            prior_learning=self.rule.prior_learning,
            final_examination=self.rule.final_examination,
        )


def rules_in_force() -> QuerySet[StackRule]:
    """The rules in force, by title."""
    return (
        StackRule.objects.filter(retired_at=None)
        .select_related("provider", "leads_to__provider")
        .order_by("title", "pk")
    )


def with_members(rules: Iterable[StackRule]) -> list[Stack]:
    """The rules with their members, in one query for all of them."""
    listed = list(rules)
    found: dict[int, list[MicroCredential]] = {one.pk: [] for one in listed}
    rows = StackMember.objects.filter(rule__in=found).select_related("micro_credential__provider")
    for member in rows.order_by("rule", "position"):
        found[member.rule_id].append(member.micro_credential)
    return [Stack(one, found[one.pk]) for one in listed]


def rules_about(entry: MicroCredential) -> QuerySet[StackRule]:
    """Rules in force that name an entry, as a member or as what they lead to."""
    return rules_in_force().filter(Q(members__micro_credential=entry) | Q(leads_to=entry)).distinct()


def earned_by(citizen: Citizen) -> list[engine.Earned]:
    """What a learner holds today: awards of assessed outcomes, neither revoked nor expired.

    Attendance is no outcome, and adds up to nothing.
    """
    now = clock.now()
    rows = (
        Award.objects.filter(citizen=citizen, kind=AwardKind.ACHIEVEMENT, state=AwardState.ISSUED)
        .exclude(expires_at__lte=now)
        .order_by("issued_at", "pk")
    )
    return [
        engine.Earned(entry, at.date(), kind == CredentialKind.PRIOR_LEARNING)
        for entry, at, kind in rows.values_list("micro_credential_id", "issued_at", "micro_credential__kind")
    ]


def progress_of(stack: Stack, earned: Iterable[engine.Earned]) -> engine.Progress:
    """How far these awards bring a learner. Who holds what the stack leads to has passed its examination."""
    held = list(earned)
    examined = any(one.key == stack.rule.leads_to_id for one in held)
    return engine.progress(stack.as_data(), held, examined=examined)
