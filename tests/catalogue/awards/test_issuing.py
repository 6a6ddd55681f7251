"""Issuing: what a credential says, that it is issued once, and that attendance is never sold as an outcome."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import Message
from accounts.services import service_users
from catalogue.awards import document, status
from catalogue.awards.sealing import SealingError
from catalogue.models import STATUS_LIST_BITS, Award, EntryDescription, SigningKey, StatusList
from catalogue.services import awards
from ila.core import clock
from ila.core.errors import DomainError
from tests.catalogue.awards.support import NOW, make_award, make_completion, make_entry, parts_of
from tests.factories.accounts import CitizenFactory, MembershipFactory, OrganisationFactory

pytestmark = pytest.mark.django_db


def elements(award: Award) -> dict[str, Any]:
    """The elements of the EU recommendation."""
    found: dict[str, Any] = award.claims["credentialSubject"]["achievement"]["microCredential"]
    return found


def test_an_award_carries_every_mandatory_element() -> None:
    entry = make_entry(
        workload=Decimal("3.00"),
        workload_scheme="ects",
        eqf_level=6,
        national_level="Niveau 6",
        assessment_type="Practical examination",
        assessment_supervised=True,
        identity_checked=False,
        stackable=None,
        hours=50,
        has_prerequisites=False,
        skills=["http://data.europa.eu/esco/skill/0b2a6c8e-1"],
    )
    with clock.at(NOW):
        award = make_award(entry, grade="16/20")
    claims = award.claims
    assert claims["credentialSubject"]["identifier"] == [
        {"type": "IdentityObject", "hashed": False, "identityHash": "Camille Durand", "identityType": "name"}
    ]
    assert claims["issuer"]["name"] == "Atelier des compétences"
    assert claims["issuer"]["address"] == {
        "type": ["Address"],
        "addressCountryCode": "FR",
        "addressLocality": "Lyon",
    }
    assert claims["validFrom"] == "2026-11-02T09:00:00Z"
    achievement = claims["credentialSubject"]["achievement"]
    assert (achievement["name"], achievement["achievementType"]) == ("Agile methods", "MicroCredential")
    assert achievement["creditsAvailable"] == claims["credentialSubject"]["creditsEarned"] == 3
    assert [each["targetFramework"] for each in achievement["alignment"]] == [
        "European Qualifications Framework",
        "ESCO",
    ]
    assert elements(award) == {
        "certifies": "learning_outcomes",
        "country": "FR",
        "awardingBody": "Atelier des compétences",
        "dateOfIssue": "2026-11-02",
        "learningOutcomes": ["Plan, run and close a project.", "cut work into parts", "lead a review"],
        "workload": {"workloadValue": "3", "workloadScheme": "ects"},
        "teachingHours": "50",
        "eqfLevel": 6,
        "nationalLevel": "Niveau 6",
        "assessmentType": "Practical examination",
        "participation": "blended",
        "qualityAssurance": "Qualiopi",
        "prerequisites": "no",
        "supervised": "yes",
        "identityChecked": "no",
        "grade": "16/20",
        "stackable": "not_specified",
        "skills": ["http://data.europa.eu/esco/skill/0b2a6c8e-1"],
        "attendedPercent": 95,
        "moreInformation": f"{settings.SITE_ADDRESS}/catalogue/{entry.pk}/",
    }


def test_what_is_not_known_is_said_to_be_so() -> None:
    award = make_award(make_entry(goals_html="", hours=None), mode="", quality_assurance="")
    said = elements(award)
    for term in ("workload", "eqfLevel", "assessmentType", "participation", "qualityAssurance", "stackable"):
        assert said[term] == "not_specified", term
    assert said["learningOutcomes"] == ["Agile methods"]
    assert not {"teachingHours", "nationalLevel", "grade", "skills"} & said.keys()


def test_hours_are_no_workload_and_credits_are_never_reckoned_from_them() -> None:
    award = make_award(make_entry(workload=Decimal(75), workload_scheme="hours", hours=25))
    assert elements(award)["workload"] == {"workloadValue": "75", "workloadScheme": "hours"}
    assert "creditsAvailable" not in award.claims["credentialSubject"]["achievement"]


def test_attendance_is_issued_as_attendance() -> None:
    entry = make_entry(workload=Decimal(3), workload_scheme="ects", eqf_level=6, skills=["http://x/y"])
    award = make_award(entry, assessed=False)
    achievement = award.claims["credentialSubject"]["achievement"]
    assert award.kind == "attendance"
    assert achievement["achievementType"] == "ext:Attendance"
    assert achievement["name"] == award.claims["name"] == "Attendance: Agile methods"
    assert "cut work" not in str(award.claims), "what was taught is not repeated as if it were learnt"
    assert not {"alignment", "creditsAvailable"} & achievement.keys()
    assert "creditsEarned" not in award.claims["credentialSubject"]
    said = elements(award)
    assert (said["certifies"], said["assessmentType"]) == ("attendance", "none")
    assert not {"learningOutcomes", "eqfLevel", "skills", "supervised", "identityChecked"} & said.keys()


def test_where_the_provider_assesses_nothing_a_certificate_is_attendance() -> None:
    assert make_award(make_entry(assessed=False)).kind == "attendance"
    assert make_award(make_entry(assessed=None)).kind == "achievement"


@pytest.mark.parametrize(
    ("certifies", "kind", "said"),
    [
        ("participation", "attendance", "attendance"),
        ("aims", "achievement", "course_aims"),
        ("outcomes", "achievement", "learning_outcomes"),
        (None, "achievement", "learning_outcomes"),
    ],
)
def test_an_award_certifies_no_more_than_the_entry_says(certifies: str | None, kind: str, said: str) -> None:
    entry = make_entry()
    EntryDescription.objects.create(
        micro_credential=entry, certifies=certifies, participation="hybrid", awarding_body="Chamber of Crafts"
    )
    award = make_award(entry, mode="")
    assert award.kind == kind
    assert elements(award)["certifies"] == said
    assert elements(award)["participation"] == "hybrid"
    assert elements(award)["awardingBody"] == "Chamber of Crafts"
    assert (
        make_award(entry, mode="online").claims["credentialSubject"]["achievement"]["microCredential"][
            "participation"
        ]
        == "online"
    )


def test_one_award_stands_for_a_proof() -> None:
    completion = make_completion()
    actor = service_users.get("clock")
    first = awards.issue_award(actor=actor, completion=completion)
    again = awards.issue_award(actor=actor, completion=completion)
    assert first == again
    assert Award.objects.count() == 1
    assert Message.objects.filter(template="award_issued").count() == 1
    (row,) = first.log.all()
    assert (row.transition, row.source, row.target, row.actor) == ("issue", "", "issued", actor)


def test_the_database_lets_no_second_award_stand() -> None:
    award = make_award()
    copy = Award.objects.get(pk=award.pk)
    copy.pk, copy.public_id, copy.status_index = None, uuid.uuid4(), award.status_index + 1
    with pytest.raises(IntegrityError, match="award_one_stands_per_source"), transaction.atomic():
        copy.save(force_insert=True)


def test_a_proof_that_comes_later_replaces_attendance_by_outcomes() -> None:
    citizen, entry, source = CitizenFactory.create(given_name="Noé"), make_entry(), uuid.uuid4()
    attended = make_award(entry, citizen=citizen, source=source, assessed=False)
    achieved = make_award(entry, citizen=citizen, source=source)
    attended.refresh_from_db(fields=["revocation_reason", "revoked_at"])
    assert Award.objects.get(pk=attended.pk).state == "revoked"
    assert attended.revocation_reason == "superseded"
    assert (achieved.kind, achieved.state) == ("achievement", "issued")
    # And never back again.
    assert make_award(entry, citizen=citizen, source=source, assessed=False) == achieved
    assert not Message.objects.filter(template="award_revoked").exists(), (
        "nothing was lost: one message is enough"
    )


@pytest.mark.parametrize(("reason", "again"), [("error", False), ("fraud", False), ("corrected", True)])
def test_what_was_revoked_comes_back_only_as_a_correction(reason: str, again: bool) -> None:
    completion = make_completion()
    actor = service_users.get("clock")
    award = awards.issue_award(actor=actor, completion=completion)
    awards.revoke_award(actor=actor, award_id=award.pk, reason=reason)
    if again:
        assert awards.issue_award(actor=actor, completion=completion) != award
    else:
        with pytest.raises(DomainError) as refused:
            awards.issue_award(actor=actor, completion=completion)
        assert refused.value.code == "already_revoked"


def test_a_learner_without_a_name_is_awarded_nothing_yet() -> None:
    nameless = CitizenFactory.create(given_name="", family_name="")
    with pytest.raises(DomainError) as refused:
        make_award(citizen=nameless)
    assert (refused.value.code, refused.value.params) == ("incomplete", {"what": "name of the learner"})


def test_only_its_provider_the_agency_or_a_service_issues() -> None:
    completion = make_completion()
    stranger = MembershipFactory.create(organisation=OrganisationFactory.create(provider=True)).user
    with pytest.raises(DomainError) as refused:
        awards.issue_award(actor=stranger, completion=completion)
    assert (refused.value.code, refused.value.status) == ("not_allowed", 403)
    own = MembershipFactory.create(organisation=completion.micro_credential.provider.organisation).user
    assert awards.issue_award(actor=own, completion=completion).state == "issued"


def test_without_a_secret_nothing_is_issued(settings: Any) -> None:
    settings.AWARD_KEY_SECRETS = []
    with pytest.raises(SealingError, match="AWARD_KEY_SECRETS is not set"):
        make_award()
    assert not Award.objects.exists()
    assert not StatusList.objects.exists()
    assert not SigningKey.objects.exists()


@pytest.mark.parametrize(
    ("issued", "months", "last"),
    [
        ("2026-11-02T09:00:00+00:00", 36, "2029-11-02"),
        ("2026-08-31T09:00:00+00:00", 6, "2027-02-28"),
        ("2027-08-31T09:00:00+00:00", 6, "2028-02-29"),
        # In Lyon it is the next day already.
        ("2026-12-31T23:30:00+00:00", 12, "2028-01-01"),
    ],
)
def test_validity_runs_through_its_last_day_at_the_providers_place(
    issued: str, months: int, last: str
) -> None:
    with clock.at(datetime.fromisoformat(issued)):
        award = make_award(make_entry(validity_months=months))
    assert award.expires_at is not None
    ends = award.expires_at
    assert award.provider.local_date(ends - timedelta(seconds=1)).isoformat() == last
    assert award.claims["exp"] == int(ends.timestamp())
    assert award.claims["validUntil"] == ends.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert not award.is_expired(ends - timedelta(seconds=1))
    assert award.is_expired(ends)


def test_attendance_does_not_expire() -> None:
    award = make_award(make_entry(validity_months=12), assessed=False)
    assert award.expires_at is None
    assert not {"exp", "validUntil"} & award.claims.keys()


def test_the_token_says_what_the_row_says() -> None:
    award = make_award()
    header, claims, _signature = parts_of(award.token)
    assert header == {
        "alg": "RS256",
        "typ": "JWT",
        "kid": f"{settings.SITE_ADDRESS}/credentials/keys/{award.key.name}/",
    }
    assert claims == award.claims
    assert claims["jti"] == claims["id"] == f"{settings.SITE_ADDRESS}/verify/{award.public_id}/"
    assert claims["iss"] == claims["issuer"]["id"]
    assert claims["sub"] == claims["credentialSubject"]["id"] == f"urn:uuid:{award.citizen.public_id}"
    assert claims["nbf"] == int(award.issued_at.timestamp())


# -- status lists ---------------------------------------------------------------------------------------------------


def test_each_award_has_a_place_of_its_own_far_from_the_last() -> None:
    entry = make_entry()
    places = [make_award(entry).status_index for _ in range(5)]
    assert len(set(places)) == 5
    assert StatusList.objects.get().used == 5
    found = StatusList.objects.get()
    assert places == [status.place(n, step=found.step, offset=found.offset) for n in range(5)]


def test_places_are_given_away_once_each() -> None:
    step, offset = status.scattering()
    assert (
        len({status.place(n, step=step, offset=offset) for n in range(STATUS_LIST_BITS)}) == STATUS_LIST_BITS
    )


def test_a_full_list_is_followed_by_another_and_issuers_have_their_own() -> None:
    entry = make_entry()
    first = make_award(entry)
    StatusList.objects.filter(pk=first.status_list_id).update(used=STATUS_LIST_BITS)
    second = make_award(entry)
    other = make_award()
    assert (first.status_list.number, second.status_list.number) == (1, 2)
    assert (other.status_list.number, other.status_list.provider_id) == (1, other.provider_id)


# -- texts of providers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "lines"),
    [
        ("", []),
        ("   ", []),
        ("Plain text", ["Plain text"]),
        ("<p>One</p><p>Two <strong>bold</strong></p>", ["One", "Two bold"]),
        ("<ul><li>a</li><li>b<br>c</li></ul>tail", ["a", "b", "c", "tail"]),
        ("<p>a &amp; b &lt;script&gt;</p>", ["a & b <script>"]),
        ("<p>unclosed <em>tags", ["unclosed tags"]),
        ("<h4>You <em>can</em></h4><ul><li>plan</li></ul>", ["plan"]),
        ("<p>" + "x" * 900 + "</p>", ["x" * 500]),
    ],
)
def test_outcomes_are_plain_lines(markup: str, lines: list[str]) -> None:
    assert document.plain_lines(markup) == lines


def test_outcomes_are_bounded() -> None:
    assert len(document.plain_lines("<li>x</li>" * 500)) == document.MAX_OUTCOMES
