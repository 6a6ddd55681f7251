"""Rules of awarding bodies: read strictly, checked against the catalogue, one version in force."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from accounts.models import User
from catalogue.models import MicroCredential, Provider, StackRule
from catalogue.selectors import stacks as selectors
from catalogue.services import stacks
from catalogue.stacking.files import EXAMPLE, read_rule
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory, OrganisationFactory
from tests.factories.catalogue import MicroCredentialFactory, ProviderFactory
from tests.support.queries import assert_queries_constant

pytestmark = pytest.mark.django_db


@pytest.fixture
def body() -> Provider:
    return ProviderFactory.create()


@pytest.fixture
def member(body: Provider) -> User:
    return MembershipFactory.create(organisation=body.organisation).user


def make(body: Provider, count: int = 3, **values: Any) -> list[MicroCredential]:
    return MicroCredentialFactory.create_batch(count, provider=body, **values)


def toml(entries: list[MicroCredential], *lines: str, kind: str = "all_of", code: str = "R1") -> str:
    named = ", ".join(f'"{one.entry}"' for one in entries)
    head = [f'code = "{code}"', 'title = "A larger one"', f'kind = "{kind}"', 'direction = "vertical"']
    return "\n".join([*head, *lines, f"members = [{named}]"])


def enter(actor: User, body: Provider, text: str) -> StackRule:
    return stacks.enter_rule(actor=actor, provider_id=body.pk, told=read_rule(text))


def test_a_rule_is_entered_by_who_awards(body: Provider, member: User) -> None:
    entries = make(body)
    rule = enter(member, body, toml(entries, "needed = 2", "prior_learning = true", kind="n_of"))
    [found] = selectors.with_members(selectors.rules_in_force())
    assert (found.rule, found.members) == (rule, entries)
    assert (rule.needed, rule.prior_learning, rule.created_by) == (2, True, member)


def test_nobody_else_makes_its_rules(body: Provider) -> None:
    stranger = MembershipFactory.create(organisation=OrganisationFactory.create(provider=True)).user
    with pytest.raises(DomainError, match="not_allowed"):
        enter(stranger, body, toml(make(body)))
    agency = MembershipFactory.create(organisation=OrganisationFactory.create(), role="case_worker").user
    rule = enter(agency, body, toml(make(body)))
    with pytest.raises(DomainError, match="not_allowed"):
        stacks.retire_rule(actor=stranger, public_id=rule.public_id)


def test_a_rule_of_the_same_code_takes_its_place(body: Provider, member: User) -> None:
    first = enter(member, body, toml(make(body)))
    second = enter(member, body, toml(make(body)))
    first.refresh_from_db()
    assert first.retired_at is not None
    assert list(selectors.rules_in_force()) == [second]
    stacks.retire_rule(actor=member, public_id=second.public_id)
    stacks.retire_rule(actor=member, public_id=second.public_id)
    assert not selectors.rules_in_force().exists()


def test_the_words_of_a_rule_are_never_changed(body: Provider, member: User) -> None:
    rule = enter(member, body, toml(make(body)))
    with pytest.raises(DatabaseError), transaction.atomic():
        StackRule.objects.filter(pk=rule.pk).update(title="Another")
    with pytest.raises(DatabaseError), transaction.atomic():
        rule.members.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        StackRule.objects.create(
            provider=body, code="R1", title="x", kind="all_of", direction="vertical", created_by=member
        )


@pytest.mark.parametrize(
    ("lines", "kind", "told"),
    [
        ([], "n_of", "needed"),
        (["needed = 2"], "all_of", "needed"),
        (["needed = 9"], "n_of", "never be reached"),
        (["threshold = 5"], "credits", "belong together"),
        (['threshold = 5\nscheme = "ects"'], "all_of", "belong to kind credits"),
        (["prior_learning = true"], "forbidden", "leads nowhere"),
        (["colour = 1"], "all_of", "colour"),
        (["needed = -1"], "n_of", "needed"),
        (['prior_learning = "yes"'], "all_of", "prior_learning"),
    ],
)
def test_what_does_not_fit_together_is_said_with_its_place(
    body: Provider, lines: list[str], kind: str, told: str
) -> None:
    with pytest.raises(DomainError, match="bad_rule") as refusal:
        read_rule(toml(make(body), *lines, kind=kind))
    assert told in " ".join(refusal.value.params["faults"])


@pytest.mark.parametrize("text", ["", "x = [", "a" * 100_001, "code = 1", "[" * 5000])
def test_what_is_no_rule_is_refused_in_words(text: str) -> None:
    with pytest.raises(DomainError, match="bad_rule") as refusal:
        read_rule(text)
    assert refusal.value.params["faults"]


def test_the_example_can_be_read() -> None:
    assert read_rule(EXAMPLE).needed == 3


def test_a_member_named_twice(body: Provider) -> None:
    [one] = make(body, 1)
    with pytest.raises(DomainError, match="bad_rule"):
        read_rule(toml([one, one]))


def test_unknown_members_are_named(body: Provider, member: User) -> None:
    known = make(body, 1)
    hidden = make(body, 1, draft=True)
    text = toml(known).replace("members = [", f'members = ["nobody/1", "{hidden[0].entry}", ')
    with pytest.raises(DomainError, match="unknown_member") as refusal:
        enter(member, body, text)
    assert refusal.value.params["entries"] == ["nobody/1", hidden[0].entry]


def test_what_it_leads_to_is_the_bodys_own(body: Provider, member: User) -> None:
    other = MicroCredentialFactory.create()
    with pytest.raises(DomainError, match="unknown_target"):
        enter(member, body, toml(make(body), f'leads_to = "{other.entry}"'))
    rule = enter(member, body, toml([other], f'leads_to = "{make(body, 1)[0].entry}"'))
    assert rule.leads_to is not None, "members may be anybody's"


def test_a_threshold_that_the_members_cannot_reach_in_its_scheme(body: Provider, member: User) -> None:
    entries = [
        *make(body, 2, workload=3, workload_scheme="ects"),
        *make(body, 1, workload=90, workload_scheme="hours"),
    ]
    lines = ["threshold = 7", 'scheme = "ects"']
    with pytest.raises(DomainError, match="unreachable") as refusal:
        enter(member, body, toml(entries, *lines, kind="credits"))
    assert refusal.value.params["most"] == 6
    lines[0] = "threshold = 6"
    assert enter(member, body, toml(entries, *lines, kind="credits")).threshold == 6


def test_what_is_forbidden_is_in_no_other_rule(body: Provider, member: User) -> None:
    entries = make(body)
    enter(member, body, toml(entries[:2], kind="forbidden", code="NEVER"))
    with pytest.raises(DomainError, match="forbidden_member") as refusal:
        enter(member, body, toml(entries[1:]))
    assert refusal.value.params["entries"] == [entries[1].entry]
    enter(member, body, toml(entries[2:]))
    with pytest.raises(DomainError, match="forbidden_member"):
        enter(member, body, toml(entries, kind="forbidden", code="NEVER"))


def test_a_circle_is_refused_and_named(body: Provider, member: User) -> None:
    first, second, third = make(body)
    enter(member, body, toml([first], f'leads_to = "{second.entry}"', code="A"))
    enter(member, body, toml([second], f'leads_to = "{third.entry}"', code="B"))
    with pytest.raises(DomainError, match="cycle") as refusal:
        enter(member, body, toml([third], f'leads_to = "{first.entry}"', code="C"))
    assert sorted(refusal.value.params["entries"]) == sorted(one.entry for one in (first, second, third))
    with pytest.raises(DomainError, match="cycle"):
        enter(member, body, toml([first], f'leads_to = "{first.entry}"', code="D"))
    # What is replaced leads nowhere any more.
    enter(member, body, toml([second], code="A"))
    enter(member, body, toml([third], f'leads_to = "{first.entry}"', code="C"))


def test_rules_are_read_in_the_same_queries_however_many(body: Provider, member: User) -> None:
    def grow(count: int) -> None:
        for _ in range(count):
            number = StackRule.objects.count()
            enter(member, body, toml(make(body), code=f"R{number}"))

    assert_queries_constant(grow, lambda: selectors.with_members(selectors.rules_in_force()), expected=2)
