"""Who may begin what: accounts of providers by managers, drafts by those of the scheme, fresh proofs by e-identity."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import Identity, SignIn, User
from catalogue.models import AccountChange
from catalogue.services import account_changes
from funding.models import SchemeDraft
from funding.services import scheme_drafts
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory, UserFactory
from tests.funding.schemes.drafts import Office
from tests.pages.agency_things import limit_to_another_scheme
from tests.pages.support import Scene, signed_in

pytestmark = pytest.mark.django_db
IBAN = "FR1420041010050500013M02606"


# -- into which account a provider is paid ----------------------------------------------------------------------------


def test_staff_of_a_provider_ask_for_no_other_account(scene: Scene) -> None:
    provider = scene.world.provider
    assert provider.organisation is not None
    staff = MembershipFactory.create(organisation=provider.organisation, role="staff").user
    address = f"/provider/{provider.pk}/account/"
    page = signed_in(staff).get(address)
    assert page.status_code == 200
    assert b'name="iban"' not in page.content
    answer = signed_in(staff).post(address, {"iban": IBAN, "holder": provider.name})
    assert answer.status_code == 422
    assert b"is for a manager of your organisation to say" in answer.content
    with pytest.raises(DomainError, match="not_allowed") as refused:
        account_changes.ask(actor=staff, provider_id=provider.pk, iban=IBAN, holder=str(provider))
    assert refused.value.params["reason"] == "managers_alone"
    assert not AccountChange.objects.exists()


# -- drafts of rules --------------------------------------------------------------------------------------------------


def test_drafts_are_for_the_schemes_of_a_role(scene: Scene) -> None:
    office = Office(scene.world.scheme)
    draft = office.proposed()
    limited = office.member("manager")
    other = limit_to_another_scheme(limited)
    client = signed_in(limited)
    assert client.get(f"/agency/scheme-drafts/{draft.public_id}/").status_code == 404
    assert str(draft.public_id) not in client.get("/agency/schemes/").content.decode()
    page = client.get("/agency/schemes/cpf/")
    assert page.status_code == 200
    assert not page.context["drafts"]
    assert not page.context["may_draft"]
    refused = client.post("/agency/scheme-drafts/new/", {"origin": "scheme:cpf"})
    assert refused.status_code == 403
    # A new scheme is nobody's yet: who is limited begins none.
    assert (
        client.post("/agency/scheme-drafts/new/", {"origin": "preset:stap", "code": "mine"}).status_code
        == 403
    )
    with pytest.raises(DomainError, match="not_allowed"):
        scheme_drafts.reject_draft(actor=limited, draft_id=draft.public_id, reason="Not mine")
    assert SchemeDraft.objects.count() == 1
    # Of their own scheme they begin one, and nobody of another approves it.
    mine = scheme_drafts.create_draft(actor=limited, content={}, scheme=other)
    assert client.get(f"/agency/scheme-drafts/{mine.public_id}/").status_code == 200


# -- who has an e-identity alone --------------------------------------------------------------------------------------


def by_identity_alone(*, minutes: int) -> tuple[User, SignIn, Client]:
    """Somebody without password or factor, signed in by their e-identity so long ago."""
    user = UserFactory.create()
    Identity.objects.create(user=user, provider="national", issuer="https://id.example", subject_index="x")
    at = clock.now() - timedelta(minutes=minutes)
    sign_in = SignIn.objects.create(user=user, method="national", assurance="strong", at=at)
    return user, sign_in, signed_in(user, sign_in=sign_in)


@pytest.mark.parametrize(
    "address", ["email/", "password/set/", "app/add/", "passkeys/add/", "recovery-codes/new/"]
)
def test_an_old_proof_leads_to_the_e_identity_again(address: str) -> None:
    _user, _sign_in, client = by_identity_alone(minutes=60)
    asked = client.get(f"/accounts/{address}")
    assert asked.status_code == 302
    assert asked.headers["Location"] == (
        f"/accounts/e-identity/?next=%2Faccounts%2F{address.replace('/', '%2F')}"
    )
    assert (
        client.post(f"/accounts/{address}", {"email": "thief@example.org", "action_add": ""}).status_code
        == 302
    )
    assert client.get("/accounts/").status_code == 200


def test_a_fresh_proof_opens_them(client: Client) -> None:
    user, _sign_in, recent = by_identity_alone(minutes=2)
    assert recent.get("/accounts/email/").status_code == 200
    answer = recent.post("/accounts/email/", {"email": "new@example.org", "action_add": ""})
    assert answer.headers["Location"] == "/accounts/email/"
    assert EmailAddress.objects.filter(user=user, email="new@example.org").exists()


def test_ending_sessions_asks_too_and_looking_does_not() -> None:
    _user, _sign_in, client = by_identity_alone(minutes=60)
    assert client.get("/accounts/sessions/").status_code == 200
    ended: Any = client.post("/accounts/sessions/", {"session": ""})
    assert ended.headers["Location"].startswith("/accounts/e-identity/?")
