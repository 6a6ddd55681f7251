"""Links to a portfolio: for a time, to be taken back, of one's own awards only, counted and not tracked."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.db import connection

from accounts.services import service_users
from catalogue.models import Award, PortfolioShare
from catalogue.services import awards
from catalogue.services.awards import shares
from ila.core import clock
from ila.core.errors import DomainError
from tests.catalogue.awards.support import NOW, make_award
from tests.factories.accounts import CitizenFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def award() -> Award:
    with clock.at(NOW):
        return make_award()


def share(award: Award, days: int = 30) -> tuple[PortfolioShare, str]:
    user = award.citizen.user
    assert user is not None
    with clock.at(NOW):
        return awards.create_share(actor=user, awards=[award.public_id], days=days, label="  Bakery ")


def test_a_link_shows_what_was_chosen_until_it_ends(award: Award) -> None:
    made, secret = share(award, 7)
    assert (made.label, made.expires_at) == ("Bakery", NOW + timedelta(days=7))
    for after, is_open in (
        (timedelta(0), True),
        (timedelta(days=7, seconds=-1), True),
        (timedelta(days=7), False),
    ):
        with clock.at(NOW + after):
            assert (awards.open_share(secret) is not None) == is_open


def test_the_secret_is_kept_nowhere(award: Award) -> None:
    made, secret = share(award)
    assert len(secret) == 43
    assert made.token_hash == hashlib.sha256(secret.encode()).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(s)::text FROM catalogue_portfolioshare AS s")
        assert secret not in str(cursor.fetchall())
    assert share(award)[1] != secret


def test_openings_are_counted(award: Award) -> None:
    made, secret = share(award)
    with clock.at(NOW):
        for _ in range(3):
            awards.open_share(secret)
        awards.open_share("x" * 43)
    made.refresh_from_db()
    assert made.views == 3
    # What else could say who opened it has no column.
    assert {field.name for field in PortfolioShare._meta.concrete_fields} == {
        "id",
        "public_id",
        "citizen",
        "label",
        "token_hash",
        "created_at",
        "expires_at",
        "revoked_at",
        "views",
    }


@pytest.mark.parametrize(
    "secret", ["", "x", "a" * 42, "a" * 44, "../" * 14 + "a", "é" * 43, "a" * 42 + "\n", "a" * 42 + "'"]
)
def test_no_other_secret_opens_anything(award: Award, secret: str) -> None:
    share(award)
    assert awards.open_share(secret) is None


def test_a_link_is_taken_back_by_its_learner_alone(award: Award) -> None:
    made, secret = share(award)
    with pytest.raises(DomainError) as refused:
        awards.revoke_share(actor=UserFactory.create(), public_id=made.public_id)
    assert (refused.value.code, refused.value.status) == ("not_found", 404)
    owner = award.citizen.user
    assert owner is not None
    with clock.at(NOW):
        ended = awards.revoke_share(actor=owner, public_id=made.public_id)
        assert ended.revoked_at == NOW
        assert awards.open_share(secret) is None
    with clock.at(NOW + timedelta(days=1)):
        assert awards.revoke_share(actor=owner, public_id=made.public_id).revoked_at == NOW


def test_nobody_shares_anothers_award(award: Award) -> None:
    other = CitizenFactory.create().user
    assert other is not None
    for actor in (other, UserFactory.create(), service_users.get("clock")):
        with pytest.raises(DomainError) as refused:
            awards.create_share(actor=actor, awards=[award.public_id], days=7)
        assert (refused.value.code, refused.value.status) == ("not_allowed", 403)


def test_a_revoked_award_is_shared_no_more_and_shown_as_revoked(award: Award) -> None:
    _made, secret = share(award)
    awards.revoke_award(actor=service_users.get("clock"), award_id=award.pk, reason="error")
    with pytest.raises(DomainError):
        share(award)
    with clock.at(NOW):
        found = awards.open_share(secret)
    assert found is not None
    assert [one.state for one in found.awards.all()] == ["revoked"]


@pytest.mark.parametrize("days", [0, -1, 8, 100_000])
def test_only_the_offered_times_can_be_had(award: Award, days: int) -> None:
    with pytest.raises(DomainError) as refused:
        share(award, days)
    assert refused.value.code == "incomplete"


def test_nothing_chosen_is_nothing_shared(award: Award) -> None:
    owner = award.citizen.user
    assert owner is not None
    with pytest.raises(DomainError):
        awards.create_share(actor=owner, awards=[], days=7)


def test_there_is_an_end_to_open_links(award: Award, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "MAX_OPEN", 2)
    first, _secret = share(award)
    share(award)
    with pytest.raises(DomainError) as refused:
        share(award)
    assert refused.value.code == "too_many"
    owner = award.citizen.user
    assert owner is not None
    awards.revoke_share(actor=owner, public_id=first.public_id)
    share(award)
