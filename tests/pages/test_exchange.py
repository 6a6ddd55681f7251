"""Pages of what goes in and out: open data, imports, stacks, surveys."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalogue import tasks
from catalogue.models import (
    EmploymentOutcome,
    ImportRun,
    MicroCredential,
    StackRule,
    SurveyAnswer,
    SurveyInvitation,
    SurveyResult,
)
from catalogue.services import stacks, surveys
from catalogue.stacking.files import read_rule
from ila.core import clock
from tests.catalogue.awards.support import make_award
from tests.catalogue.importing.tables import P1, P2, as_csv, row
from tests.factories.catalogue import MicroCredentialFactory
from tests.pages.support import Scene, signed_in
from tests.support.queries import captured_queries

pytestmark = pytest.mark.django_db
EVIL = "=1+1<script>alert(1)</script>.csv"


def upload(client: Client, content: str, *, name: str = "offers.csv", **told: object) -> Any:
    return client.post(
        "/import/", {"format": "template", "file": SimpleUploadedFile(name, content.encode()), **told}
    )


@pytest.fixture
def client(scene: Scene) -> Client:
    return signed_in(scene.case_worker)


def test_a_file_is_checked_then_stored(client: Client) -> None:
    bad = row(provider=P2, price="", entry_number="=cmd|' /C calc'!A0")
    answer = upload(client, as_csv(row(), bad))
    run = ImportRun.objects.get()
    address = f"/import/{run.public_id}/"
    assert answer.headers["Location"] == address
    page = client.get(address).content.decode()
    assert "Being checked" in page
    assert "progress.mjs" in page
    assert client.get(f"{address}progress/").json()["under_way"] is True
    tasks.check_import(run_id=run.pk)
    assert client.get(f"{address}progress/").json()["under_way"] is False
    page = client.get(address).content.decode()
    assert "What it would do" in page
    assert "There is no price above 0." in page
    assert not MicroCredential.objects.filter(title="Welding").exists()
    report = b"".join(client.get(f"{address}report.csv")).decode("utf-8-sig")
    line, warned = csv.DictReader(io.StringIO(report))
    assert (line["severity"], line["code"], line["line"]) == ("error", "bad_price", "3")
    assert (warned["severity"], warned["code"]) == ("warning", "not_accredited")
    assert line["entry"].startswith(f"{P2}/="), "only what begins a cell begins a formula"
    assert client.post(f"{address}confirm/").headers["Location"] == address
    client.post(f"{address}confirm/")
    tasks.store_import(run_id=run.pk)
    assert "What was done" in client.get(address).content.decode()
    assert MicroCredential.objects.get(title="Welding").entry == f"{P1}/E1"


def test_how_far_it_is_is_said_in_words(client: Client) -> None:
    upload(client, as_csv(row()))
    run = ImportRun.objects.get()
    address = f"/import/{run.public_id}/"

    def says(**told: Any) -> str:
        ImportRun.objects.update(**told)
        words = client.get(f"{address}progress/").json()["says"]
        assert words in client.get(address).content.decode()
        return str(words)

    assert says() == ""
    assert "no worker is running" in says(requested_at=clock.now() - timedelta(minutes=1))
    assert says(work="read", done=12_345) == "Reading and checking the file: 12,345 entries"
    assert says(work="store", done=800) == "Comparing with the catalogue: 800 entries"
    tasks.check_import(run_id=run.pk)
    client.post(f"{address}confirm/")
    assert says(work="store", done=1) == "Storing provider by provider: 1 of 1 entries"


def test_a_problem_says_what_its_column_is_in_the_readers_language(client: Client) -> None:
    upload(client, as_csv(row(mode="post")))
    run = ImportRun.objects.get()
    tasks.check_import(run_id=run.pk)
    page = client.get(f"/import/{run.public_id}/", headers={"accept-language": "fr"}).content.decode()
    assert "Comment les apprenants participent. (in_person, blended, online)" in page
    report = client.get(f"/import/{run.public_id}/report.csv", headers={"accept-language": "fr"})
    line, *_ = csv.DictReader(io.StringIO(b"".join(report).decode("utf-8-sig")))
    assert (line["line"], line["field"]) == ("2", "A1/mode")
    assert "Comment les apprenants participent." in line["what_to_do"]


def test_a_discarded_file_is_not_stored(client: Client) -> None:
    upload(client, as_csv(row()))
    run = ImportRun.objects.get()
    tasks.check_import(run_id=run.pk)
    client.post(f"/import/{run.public_id}/discard/")
    client.post(f"/import/{run.public_id}/confirm/")
    tasks.store_import(run_id=run.pk)
    assert not MicroCredential.objects.filter(title="Welding").exists()
    assert "Discarded" in client.get("/import/").content.decode()


def test_a_refused_file_offers_nothing_to_store(client: Client) -> None:
    upload(client, "x")
    run = ImportRun.objects.get()
    tasks.check_import(run_id=run.pk)
    page = client.get(f"/import/{run.public_id}/").content.decode()
    assert "refused as a whole" in page
    assert "Store it" not in page


def test_what_is_missing_is_said_at_its_field(client: Client) -> None:
    answer = client.post("/import/", {"format": "template"})
    assert answer.status_code == 422
    assert 'href="#id_file"' in answer.content.decode()
    answer = upload(client, "programid", format="etpl")
    assert (answer.status_code, ImportRun.objects.count()) == (422, 0)
    assert "need the register" in answer.content.decode()
    assert upload(client, "").status_code == 422


def test_a_name_is_only_text(client: Client) -> None:
    upload(client, as_csv(row()), name=EVIL)
    page = client.get("/import/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page or "alert(1)" not in page


def test_the_list_costs_the_same_queries_however_long(client: Client) -> None:
    upload(client, as_csv(row()))
    client.get("/import/")
    with captured_queries() as few:
        client.get("/import/")
    for number in range(4):
        upload(client, as_csv(row(entry_number=f"X{number}")))
    with captured_queries() as many:
        client.get("/import/")
    assert len(few) == len(many)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_empty_table_is_one_that_can_be_imported(client: Client, ending: str) -> None:
    content = Client().get(f"/import/template.{ending}").content
    file = SimpleUploadedFile(f"offers.{ending}", content)
    client.post("/import/", {"format": "template", "file": file})
    run = ImportRun.objects.get()
    tasks.check_import(run_id=run.pk)
    run.refresh_from_db()
    assert run.report is not None
    assert (run.report["created"], run.report["errors"]) == (1, [])
    assert client.get("/import/template.exe").status_code == 404


def test_open_data_is_found_from_its_page(scene: Scene) -> None:
    page = Client().get("/catalogue/data/").content.decode()
    for address in re.findall(r'href="(/catalogue/data/[^"]+)"', page):
        answer = Client().get(address)
        assert answer.status_code == 200
        assert (scene.world.credential.title.encode() in b"".join(answer)) == ("sessions" not in address)


def test_the_list_of_stacks_costs_the_same_queries_however_long(scene: Scene) -> None:
    counts = []
    for number in (1, 2):
        for _ in range(number):
            stack_of(scene, code=f"R{StackRule.objects.count()}")
        with captured_queries() as queries:
            assert Client().get("/stacks/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def stack_of(
    scene: Scene,
    *lines: str,
    kind: str = "all_of",
    entries: list[MicroCredential] | None = None,
    code: str = "R1",
) -> StackRule:
    named = entries or [
        scene.world.credential,
        MicroCredentialFactory.create(provider=scene.world.provider, title=EVIL),
    ]
    members = ", ".join(f'"{one.entry}"' for one in named)
    head = [
        f'code = "{code}"',
        'title = "A larger one"',
        f'kind = "{kind}"',
        'direction = "vertical"',
        *lines,
    ]
    told = read_rule("\n".join([*head, f"members = [{members}]"]))
    return stacks.enter_rule(actor=scene.provider_member, provider_id=scene.world.provider.pk, told=told)


def test_a_stack_shows_its_picture_and_the_same_as_a_list(scene: Scene) -> None:
    rule = stack_of(scene)
    page = Client().get(f"/stacks/{rule.public_id}/").content.decode()
    assert page.count("<rect") == 3
    assert '<title id="picture-title">A larger one</title>' in page
    assert "All of these" in page
    assert "<script>alert" not in page
    assert 'style="' not in page
    assert scene.world.credential.title in Client().get("/stacks/").content.decode() or "A larger one" in page
    entry = Client().get(f"/catalogue/{scene.world.credential.pk}/").content.decode()
    assert f"/stacks/{rule.public_id}/" in entry
    forbidden = stack_of(scene, kind="forbidden", entries=[scene.world.credential])
    page = Client().get(f"/stacks/{forbidden.public_id}/").content.decode()
    assert "never count" in page
    assert '<svg class="ila-stack' not in page


def test_a_pathway_says_what_counts_and_what_is_missing(scene: Scene) -> None:
    rule = stack_of(scene, "final_examination = true")
    make_award(scene.world.credential, citizen=scene.learner.citizen)
    make_award(scene.world.credential, citizen=scene.other_learner.citizen, assessed=False)
    client = signed_in(scene.learner.user)
    page = client.get("/pathway/").content.decode()
    assert "A larger one" in page
    assert "Would bring you further" in page
    assert "still to be passed" in page
    assert 'value="50"' in client.get(f"/stacks/{rule.public_id}/").content.decode()
    other = signed_in(scene.other_learner.user).get("/pathway/").content.decode()
    assert "You have no awards yet" in other, "attendance adds up to nothing"


def test_a_rule_is_entered_on_a_page_and_its_faults_are_named(scene: Scene) -> None:
    client = signed_in(scene.provider_member)
    text = f'code="R2"\ntitle="Two"\nkind="all_of"\ndirection="vertical"\nmembers=["{scene.world.credential.entry}"]'
    told = {"provider": scene.world.provider.pk, "text": text.replace("all_of", "some_of")}
    answer = client.post("/stacks/new/", told)
    assert answer.status_code == 422
    assert "kind" in answer.content.decode()
    answer = client.post("/stacks/new/", {**told, "text": text.replace("members=[", 'members=["nobody/1",')})
    assert "nobody/1" in answer.content.decode()
    answer = client.post("/stacks/new/", {**told, "text": text})
    rule = StackRule.objects.get()
    assert answer.headers["Location"] == f"/stacks/{rule.public_id}/"
    stranger = signed_in(scene.other_provider_member)
    assert stranger.post("/stacks/new/", {**told, "text": text}).status_code == 422
    assert stranger.post(f"/stacks/{rule.public_id}/retire/").status_code == 403
    client.post(f"/stacks/{rule.public_id}/retire/")
    assert "no longer in force" in client.get(f"/stacks/{rule.public_id}/").content.decode()


def survey_of(scene: Scene, kind: str = "end") -> SurveyInvitation:
    surveys.invite_completer(
        source=uuid4(),
        citizen=scene.learner.citizen,
        micro_credential=scene.world.credential,
        ended_at=clock.now(),
    )
    return SurveyInvitation.objects.get(kind=kind)


def test_a_survey_is_answered_by_who_holds_its_link_and_once(scene: Scene) -> None:
    one = survey_of(scene)
    client, address = Client(), f"/survey/{one.public_id}/"
    page = client.get(address)
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert client.post(address, {"rating": "9"}).status_code == 422
    client.post(address, {"rating": "4", "teaching": "5", "recommends": "yes"})
    assert (SurveyAnswer.objects.get().rating, SurveyAnswer.objects.get().recommends) == (4, True)
    client.post(address, {"rating": "1"})
    assert SurveyAnswer.objects.get().rating == 4
    assert "Thank you" in client.get(address).content.decode()
    assert client.get(f"/survey/{uuid4()}/").status_code == 404


def test_a_survey_that_is_over_or_has_not_begun_takes_no_answer(scene: Scene) -> None:
    later = survey_of(scene, "outcome")
    assert "has not begun" in Client().get(f"/survey/{later.public_id}/").content.decode()
    Client().post(f"/survey/{later.public_id}/", {"rating": "4"})
    with clock.at(later.expires_at):
        assert "is over" in Client().get(f"/survey/{later.public_id}/").content.decode()
        Client().post(f"/survey/{later.public_id}/", {"rating": "4"})
    assert not SurveyAnswer.objects.exists()


def test_results_and_outcomes_are_on_the_page_of_the_entry(scene: Scene) -> None:
    entry = scene.world.credential
    EmploymentOutcome.objects.create(
        provider=entry.provider,
        code=entry.code,
        quarters=4,
        employed="0.8",
        completed=10,
        with_wage=0,
        with_retention=0,
        currency="EUR",
        as_of=clock.now().date(),
    )
    SurveyResult.objects.create(
        micro_credential=entry, kind="end", answers=5, figures={"rating": {"n": 5, "sum": 21}}
    )
    page = Client().get(f"/catalogue/{entry.pk}/").content.decode()
    assert "4.2 of 5 (5 answers)" in page
    assert "80 % in work, of 10 who completed" in page
