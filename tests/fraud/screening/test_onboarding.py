"""Who stands behind a provider, against the blacklist: as they apply, through firms they share, never a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from catalogue import screening
from catalogue.models import (
    Accreditation,
    AccreditationState,
    Application,
    ApplicationPerson,
    Provider,
    ProviderDetail,
)
from fraud.models import BlacklistEntry, ScreeningMatch
from fraud.screening import onboarding, words
from fraud.services import feeds
from ila.core import clock, fsm
from tests.support.world import MONDAY, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> Iterator[World]:
    with clock.at(MONDAY):
        yield World()


def director(world: World, provider: Provider, name: str, born: str = "1970-03-04", **facts: Any) -> None:
    ProviderDetail.objects.create(
        provider=provider,
        kind="person",
        facts={"role": "director", "full_name": name, "birth_date": born, "share_percent": None},
        valid_from=date(2025, 1, 1),
        entered_by=world.user_of(provider),
        **facts,
    )


def listed(world: World, **facts: Any) -> BlacklistEntry:
    given = {
        "kind": "person",
        "birth_date": date(1970, 3, 4),
        "reason": "terminated",
        "authority": "Another agency",
    }
    return BlacklistEntry.objects.create(listed_by=world.case_worker, **(given | facts))


def screen() -> onboarding.Screened:
    feeds.catch_up()
    return onboarding.screen_all()


def test_a_listed_director_is_found_in_another_script_and_order(world: World) -> None:
    director(world, world.provider, "Pierre-Yves Lefèvre")
    entry = listed(world, person_name="LEFEVRE Pierre Yves")
    assert screen().new == 1
    (match,) = onboarding.matches_of(world.provider)
    assert (match.entry, match.hops, match.score) == (entry, 0, 1.0)
    said = words.explain(match)
    assert "Pierre-Yves Lefèvre is like LEFEVRE Pierre Yves" in said
    assert "the same birth date" in said
    assert screen().new == 0
    assert world.provider.accreditations.get().state == "accredited"


def test_a_namesake_with_another_birth_date_is_none(world: World) -> None:
    director(world, world.provider, "Jean Martin", born="1984-09-02")
    listed(world, person_name="Jean Martin", birth_date=date(1960, 1, 15))
    assert screen().matched == 0


def test_firms_that_share_a_director_are_told_with_less(world: World) -> None:
    other, far = world.make_provider(), world.make_provider()
    director(world, world.provider, "Marie Durand")
    director(world, world.provider, "Paul Common", born="1980-05-06")
    director(world, other, "Paul Common", born="1980-05-06")
    director(world, far, "Nobody Else", born="1990-01-01")
    listed(world, person_name="Marie Durand")
    assert screen().matched == 2
    (related,) = onboarding.matches_of(other)
    assert (related.hops, related.via, related.score) == (1, world.provider, 0.8)
    assert "shares a director or owner" in words.explain(related)
    assert onboarding.matches_of(far) == []


def test_a_listed_firm_is_found_by_its_name(world: World) -> None:
    listed(world, kind="firm", person_name="", birth_date=None, entity_name=f"{world.provider.name} SARL")
    assert screen().matched == 1
    assert onboarding.matches_of(world.provider)[0].subject_kind == "firm"


def test_what_is_over_is_gone_and_may_come_back(world: World) -> None:
    director(world, world.provider, "Marie Durand")
    entry = listed(world, person_name="Marie Durand")
    screen()
    BlacklistEntry.objects.filter(pk=entry.pk).update(
        ended_at=clock.now(), ended_by=world.case_worker, ended_reason="appeal"
    )
    assert screen().matched == 0
    assert onboarding.matches_of(world.provider) == []
    assert ScreeningMatch.objects.get().gone_at == clock.now()
    listed(world, person_name="Marie Durand", until=clock.now().date() - timedelta(days=1))
    assert screen().matched == 0


def test_who_applies_is_screened_before_anybody_decides(world: World) -> None:
    applicant = world.make_provider(accredited=False)
    accreditation = Accreditation(
        provider=applicant,
        authority="Qualiopi",
        state=AccreditationState.SUBMITTED,
        submitted_at=clock.now(),
    )
    fsm.start(accreditation, actor=world.case_worker)
    assert applicant.organisation is not None
    application = Application.objects.create(
        organisation=applicant.organisation,
        started_by=world.user_of(applicant),
        provider=applicant,
        accreditation=accreditation,
        legal_name="New Firm",
        admissibility_due_at=clock.now(),
        decision_due_at=clock.now(),
    )
    ApplicationPerson.objects.create(
        application=application, role="director", full_name="Юрий Гагарин", birth_date=date(1974, 3, 9)
    )
    listed(world, person_name="Gagarin Iurii", birth_date=date(1974, 3, 9))
    assert screen().new == 1
    screening.use(words.to_look_at)
    ((label, said),) = screening.to_look_at(applicant)
    assert label == "A name on the blacklist"
    assert "Gagarin Iurii" in said
