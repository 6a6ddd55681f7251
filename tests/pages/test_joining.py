"""An organisation becomes a provider's without a phone call: named, then applied for."""

from __future__ import annotations

import pytest

from accounts.models import Membership, Organisation, OrganisationKind
from accounts.services import service_users
from accounts.services.organisations import found_organisation
from ila.core.errors import DomainError
from tests.factories.accounts import UserFactory
from tests.pages.support import Scene, signed_in

pytestmark = pytest.mark.django_db


def test_whoever_speaks_for_an_organisation_founds_it_and_applies() -> None:
    user = UserFactory.create()
    client = signed_in(user)
    for values in ({}, {"name": "Atelier neuf"}, {"name": "  ", "speaks": "on"}):
        assert client.post("/provider/join/", values).status_code == 422
    answer = client.post("/provider/join/", {"name": " Atelier neuf ", "speaks": "on"}, follow=True)
    assert answer.redirect_chain == [("/provider/", 302)]
    organisation = Organisation.objects.get(name="Atelier neuf")
    assert organisation.kind == OrganisationKind.PROVIDER
    assert Membership.objects.get(organisation=organisation).role == "manager"
    # A form sent twice founds one.
    client.post("/provider/join/", {"name": "Atelier neuf", "speaks": "on"})
    assert Organisation.objects.filter(name="Atelier neuf").count() == 1


def test_nobody_of_the_agency_founds_what_they_would_decide_about(scene: Scene) -> None:
    assert (
        signed_in(scene.case_worker).post("/provider/join/", {"name": "Mine", "speaks": "on"}).status_code
        == 403
    )
    for actor in (scene.case_worker, service_users.get("ledger")):
        with pytest.raises(DomainError, match="not_allowed"):
            found_organisation(actor=actor, kind=OrganisationKind.PROVIDER, name="Mine")
    with pytest.raises(DomainError, match="invalid"):
        found_organisation(actor=UserFactory.create(), kind=OrganisationKind.PROVIDER, name="x" * 301)
