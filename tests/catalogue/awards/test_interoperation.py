"""Verified by others: openbadgeslib, npm's jose, 1EdTech's schema, and read back as JSON-LD by rdflib."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import openbadgeslib.ob3
import pytest
from django.conf import settings
from django.test import Client
from joserfc.jwk import RSAKey
from openbadgeslib.ob3 import OB3VerificationError, OB3Verifier
from rdflib import Graph, Literal, URIRef

from accounts.services import service_users
from catalogue.awards import addresses, terms, tokens
from catalogue.models import Award
from catalogue.services import awards
from ila.core import clock
from tests.catalogue.awards.support import encoded, make_award, make_entry, parts_of

pytestmark = pytest.mark.django_db

DATA = Path(__file__).resolve().parents[2] / "data" / "awards"
CONTEXTS = Path(openbadgeslib.ob3.__file__).parent / "contexts"
OB = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"


@pytest.fixture
def award() -> Award:
    entry = make_entry(
        workload=Decimal(3),
        workload_scheme="ects",
        eqf_level=6,
        validity_months=36,
        skills=["http://data.europa.eu/esco/skill/1"],
    )
    return make_award(entry)


def pem_of(award: Award) -> bytes:
    return RSAKey.import_key(award.key.public_jwk).as_pem(private=False)


def published(address: str) -> bytes:
    """What the platform answers at one of its own addresses."""
    path = address.removeprefix(settings.SITE_ADDRESS)
    answer = Client().get(path)
    assert answer.status_code == 200, address
    return answer.content


# -- openbadgeslib ---------------------------------------------------------------------------------------------------


def test_openbadgeslib_verifies_an_award_with_its_status(award: Award) -> None:
    verifier = OB3Verifier(pem_of(award))
    found = verifier.verify(award.token, check_status=True, download=published)
    assert found.achievement.name == "Agile methods"
    assert found.achievement.achievement_type == "MicroCredential"
    assert found.issuer.id == addresses.of_issuer(award.provider_id)
    assert found.identifiers[0].identity_hash == "Camille Durand"


def test_openbadgeslib_sees_a_revocation(award: Award) -> None:
    other = make_award(award.micro_credential)
    awards.revoke_award(actor=service_users.get("clock"), award_id=award.pk, reason="error")
    verifier = OB3Verifier(pem_of(award))
    with pytest.raises(OB3VerificationError, match="'revocation' is set"):
        verifier.verify(award.token, check_status=True, download=published)
    assert verifier.verify(other.token, check_status=True, download=published).id == other.claims["id"]


def test_openbadgeslib_refuses_an_altered_and_an_expired_one(award: Award) -> None:
    header, _claims, signature = award.token.split(".")
    changed = award.claims | {"name": "Doctor"}
    with pytest.raises(OB3VerificationError, match="Invalid signature"):
        OB3Verifier(pem_of(award)).verify(f"{header}.{encoded(changed)}.{signature}")
    with clock.at(clock.now() - timedelta(days=400)):
        old = make_award(make_entry(validity_months=12))
    with pytest.raises(OB3VerificationError, match="expired"):
        OB3Verifier(pem_of(old)).verify(old.token)


def test_openbadgeslib_verifies_attendance() -> None:
    award = make_award(assessed=False)
    found = OB3Verifier(pem_of(award)).verify(award.token)
    assert found.achievement.achievement_type == "ext:Attendance"


# -- jose ------------------------------------------------------------------------------------------------------------


def ask_jose(**question: Any) -> dict[str, Any]:
    """What npm's jose says of a token."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: verifying with npm's jose needs Node.js 20 or newer (Debian: nodejs)")
    done = subprocess.run(  # noqa: S603 - our own script
        [node, str(DATA / "verify.mjs")],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_jose_verifies_with_the_published_keys_old_and_new(award: Award) -> None:
    awards.rotate_key()
    younger = make_award(award.micro_credential)
    jwks = json.loads(published(f"{settings.SITE_ADDRESS}/.well-known/jwks.json"))
    assert len(jwks["keys"]) == 2
    for one in (award, younger):
        answer = ask_jose(token=one.token, jwks=jwks, issuer=addresses.of_issuer(one.provider_id))
        assert answer["claims"] == one.claims
        assert answer["header"]["kid"] == addresses.of_key(one.key.name)


def test_jose_finds_the_single_key_behind_kid(award: Award) -> None:
    key = json.loads(published(str(parts_of(award.token)[0]["kid"])))
    assert (
        ask_jose(token=award.token, jwks={"keys": [key]}, issuer=award.claims["iss"])["claims"]
        == award.claims
    )


def test_jose_refuses_what_was_altered_expired_or_signed_by_a_key_we_took_back(award: Award) -> None:
    jwks = json.loads(published(f"{settings.SITE_ADDRESS}/.well-known/jwks.json"))
    header, _claims, signature = award.token.split(".")
    altered = f"{header}.{encoded(award.claims | {'name': 'Doctor'})}.{signature}"
    issuer = award.claims["iss"]
    assert ask_jose(token=altered, jwks=jwks, issuer=issuer) == {
        "error": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
    }
    assert ask_jose(token=award.token, jwks=jwks, issuer=issuer, now="2040-01-01") == {
        "error": "ERR_JWT_EXPIRED"
    }
    awards.distrust_key(name=award.key.name)
    jwks = json.loads(published(f"{settings.SITE_ADDRESS}/.well-known/jwks.json"))
    assert ask_jose(token=award.token, jwks=jwks, issuer=issuer) == {"error": "ERR_JWKS_NO_MATCHING_KEY"}


def test_jose_verifies_the_status_list(award: Award) -> None:
    signed = published(award.claims["credentialStatus"]["statusListCredential"]).decode()
    jwks = json.loads(published(f"{settings.SITE_ADDRESS}/.well-known/jwks.json"))
    answer = ask_jose(token=signed, jwks=jwks, issuer=award.claims["iss"])
    assert answer["claims"]["type"] == ["VerifiableCredential", "BitstringStatusListCredential"]


# -- the schema and JSON-LD ------------------------------------------------------------------------------------------


def without_claims(award: Award) -> dict[str, Any]:
    """The credential itself, without the registered claims that a JWT adds."""
    return {
        name: value for name, value in award.claims.items() if name not in {"iss", "sub", "jti", "nbf", "exp"}
    }


@pytest.mark.parametrize("assessed", [True, False])
def test_credentials_obey_the_published_schema(award: Award, assessed: bool) -> None:
    schema = json.loads((DATA / "ob_v3p0_achievementcredential_schema.json").read_text())
    one = award if assessed else make_award(award.micro_credential, assessed=False, grade="A")
    validator = jsonschema.Draft201909Validator(schema)
    assert [error.message for error in validator.iter_errors(without_claims(one))] == []


def graph_of(award: Award) -> Graph:
    """The credential as a graph, with contexts from the disk: nothing is fetched."""
    files = {addresses.CONTEXT_VC: "credentials-v2.json", addresses.CONTEXT_OB: "ob-v3p0-context-3.0.3.json"}
    document = without_claims(award)
    document["@context"] = [
        json.loads((CONTEXTS / files[each]).read_text())["@context"] if isinstance(each, str) else each
        for each in document["@context"]
    ]
    return Graph().parse(data=json.dumps(document), format="json-ld")


@pytest.mark.filterwarnings(
    "ignore:ConjunctiveGraph is deprecated:DeprecationWarning"
)  # rdflib's own use of it
def test_rdflib_reads_back_what_was_meant(award: Award) -> None:
    graph = graph_of(award)
    credential = URIRef(addresses.of_award(award.public_id))
    kinds = {
        str(each)
        for each in graph.objects(credential, URIRef("http://www.w3.org/1999/02/22-rdf-syntax-ns#type"))
    }
    assert f"{OB}OpenBadgeCredential" in kinds or f"{OB}AchievementCredential" in kinds
    issuer = URIRef("https://www.w3.org/2018/credentials#issuer")
    assert graph.value(credential, issuer) == URIRef(addresses.of_issuer(award.provider_id))
    entry = URIRef(addresses.of_entry(award.micro_credential_id))
    base = addresses.of_terms()
    said = graph.value(entry, URIRef(f"{base}microCredential"))
    assert said is not None
    assert graph.value(said, URIRef(f"{base}certifies")) == Literal("learning_outcomes")
    outcomes = {str(each) for each in graph.objects(said, URIRef(f"{base}learningOutcomes"))}
    assert outcomes == {"Plan, run and close a project.", "cut work into parts", "lead a review"}
    assert graph.value(said, URIRef(f"{base}skills")) == URIRef("http://data.europa.eu/esco/skill/1")
    workload = graph.value(said, URIRef(f"{base}workload"))
    assert workload is not None
    assert graph.value(workload, URIRef(f"{base}workloadScheme")) == Literal("ects")


@pytest.mark.filterwarnings(
    "ignore:ConjunctiveGraph is deprecated:DeprecationWarning"
)  # rdflib's own use of it
def test_no_word_of_a_credential_is_without_meaning(award: Award) -> None:
    """Each name in the document is a term of one of its contexts; a misspelt one would silently be lost."""
    graph = graph_of(award)
    assert not [str(predicate) for predicate in graph.predicates() if not str(predicate).startswith("http")]

    def names(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*(names(each) for each in value.values()))
        return set().union(*(names(each) for each in value)) if isinstance(value, list) else set()

    used = names({key: value for key, value in without_claims(award).items() if key != "@context"})
    known = set(terms.TERMS) | {"id", "type"}
    for file in ("credentials-v2.json", "ob-v3p0-context-3.0.3.json"):
        known |= names(json.loads((CONTEXTS / file).read_text()))
    assert used - known == set()


def test_terms_are_explained_where_they_lead(award: Award) -> None:
    page = published(addresses.of_terms().removesuffix("#")).decode()
    for term in terms.TERMS:
        assert f'id="{term}"' in page


def test_a_status_list_is_a_list_of_the_least_size_allowed(award: Award) -> None:
    signed = published(award.claims["credentialStatus"]["statusListCredential"]).decode()
    claims = tokens.read(signed).claims
    encoded_list = claims["credentialSubject"]["encodedList"]
    from_library = openbadgeslib.ob3.status.decode_encoded_list(encoded_list)
    assert len(from_library) == 16 * 1024
    assert not any(from_library)
    assert claims["exp"] - claims["nbf"] == 24 * 3600
