"""The laboratory's pages: who may ask, see, cancel and delete; what is shown; that no row of money is touched."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import User
from funding.laboratory.engine import Cancelled
from funding.models import Allocation, Booking, JournalEntry, LaboratoryRun, Lot, Posting
from funding.services import laboratory
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory
from tests.pages.support import Scene, signed_in
from tests.pages.test_bookings import text_of
from tests.support.queries import assert_queries_constant
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db
ADDRESS = "/agency/laboratory/"


def asked(**given: Any) -> dict[str, Any]:
    """What one fills in."""
    return {
        "title": "A higher participation",
        "scheme": "cpf",
        "changes": "participation_cents = 20000",
        "population": "generated",
        "number": 300,
        "seed": 7,
        "first_year": 2027,
        "last_year": 2028,
        **given,
    }


def manager(scene: Scene) -> User:
    return MembershipFactory.create(organisation=scene.world.agency, role="manager").user


def ask(user: User, **given: Any) -> LaboratoryRun:
    answer = signed_in(user).post(ADDRESS, asked(**given))
    assert answer.status_code == 302, text_of(answer.content)
    return LaboratoryRun.objects.latest("pk")


def played(user: User, **given: Any) -> LaboratoryRun:
    run = ask(user, **given)
    laboratory.execute_run(public_id=run.public_id)
    run.refresh_from_db()
    return run


def shown(user: User, run: LaboratoryRun) -> str:
    return text_of(signed_in(user).get(f"{ADDRESS}{run.public_id}/").content).replace("\u00a0", " ")


def test_an_empty_laboratory_says_so_and_offers_the_form(scene: Scene) -> None:
    text = text_of(signed_in(scene.case_worker).get(ADDRESS).content)
    assert "Nothing has been tried yet. The first run takes a minute." in text
    assert "Run it" in text
    for_auditor = text_of(signed_in(scene.auditor).get(ADDRESS).content)
    assert "A case worker or manager can begin." in for_auditor
    assert "Run it" not in for_auditor


def test_a_run_is_a_job_and_its_result_a_page(scene: Scene) -> None:
    run = ask(scene.case_worker)
    assert (run.outcome, run.learners, run.asked_by) == ("waiting", 300, scene.case_worker)
    job = ProcrastinateJob.objects.get(task_name="funding.run_laboratory")
    assert job.args == {"public_id": str(run.public_id)}
    assert "Waiting for a worker" in shown(scene.case_worker, run)
    laboratory.execute_run(public_id=run.public_id)
    text = shown(scene.auditor, run)
    for expected in (
        "A higher participation",
        "participation_cents F-08 15000 20000",
        "What it costs by year",
        "Public money paid out",
        "Who gains and who loses",
        "Own money paid (less is a gain)",
        "Figures that concern fewer than 5 learners are left out",
        "imagined from seed 7",
        run.after_sha256[:16],
    ):
        assert expected in text, expected
    assert "Cancel the run" not in text
    assert "Delete this run" not in text, "an auditor looks and changes nothing"


def test_the_result_can_be_taken_away(scene: Scene) -> None:
    run = played(scene.case_worker)
    client = signed_in(scene.auditor)
    answer = client.get(f"{ADDRESS}{run.public_id}/result.json")
    assert json.loads(answer.content) == run.result
    assert answer["Content-Disposition"].startswith("attachment")
    for which in ("costs", "groups", "rules"):
        assert client.get(f"{ADDRESS}{run.public_id}/{which}.csv").content.decode().count("\n") > 1
    chart = client.get(f"{ADDRESS}{run.public_id}/costs.svg")
    assert chart["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert "<title" in chart.content.decode()
    for missing in ("people.csv", "gains_nothing.svg"):
        assert client.get(f"{ADDRESS}{run.public_id}/{missing}").status_code == 404
    assert client.get(f"{ADDRESS}{ask(scene.case_worker).public_id}/result.json").status_code == 404


def test_a_run_over_the_stored_learners_changes_no_row(scene: Scene) -> None:
    with clock.at(MONDAY):
        for _ in range(6):
            scene.world.accepted(scene.world.make_learner())
    models: tuple[Any, ...] = (Lot, Booking, Allocation, JournalEntry, Posting)
    before = [list(model.objects.order_by("pk").values()) for model in models]
    with clock.at(MONDAY):
        run = played(scene.case_worker, population="stored")
    assert run.outcome == "done", run.error
    assert run.result is not None
    assert run.result["population"]["learners"] == run.learners >= 6
    assert run.result["costs"][0]["bookings"]["before"] == 6
    assert [list(model.objects.order_by("pk").values()) for model in models] == before
    text = json.dumps(run.result)
    assert scene.learner.citizen.family_name not in text
    assert str(scene.learner.account.public_id) not in text


def test_too_few_stored_learners_have_no_result(scene: Scene) -> None:
    with clock.at(MONDAY):
        run = played(scene.case_worker, population="stored")
    assert (run.outcome, run.result) == ("failed", None)
    assert "results of fewer than 5 learners are not shown" in shown(scene.case_worker, run)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"changes": ""}, "Name at least one changed parameter."),
        ({"changes": "cap_cents = "}, "is no TOML"),
        ({"changes": "{"}, "is no JSON"),
        ({"changes": "capp_cents = 5"}, "capp_cents: no such parameter"),
        ({"changes": "cap_cents = 1"}, "below the yearly credit"),
        ({"last_year": 2020}, "From 1 to 30 years."),
        ({"number": ""}, "Say how many learners to imagine."),
        ({"number": 200_001}, "less than or equal to 200000"),
        ({"population": "stored", "first_year": 2025, "last_year": 2026}, "the first year cannot be before"),
        ({"scheme": "nothing"}, "Select a valid choice"),
        ({"title": ""}, "Give the run a name."),
    ],
)
def test_what_is_wrong_is_named_and_what_was_written_stays(
    scene: Scene, given: dict[str, Any], expected: str
) -> None:
    answer = signed_in(scene.case_worker).post(ADDRESS, asked(**given))
    text = text_of(answer.content)
    assert answer.status_code == 422
    assert expected in text
    assert "There is a problem" in text
    assert not LaboratoryRun.objects.exists()


def test_rules_come_from_a_file_or_from_a_stored_version(scene: Scene) -> None:
    file = SimpleUploadedFile("rules.toml", b"cap_cents = 400000\n")
    run = ask(scene.case_worker, changes="", file=file)
    assert run.changes == {"cap_cents": 400_000}
    version = scene.world.scheme.versions.latest("valid_from")
    run = ask(scene.case_worker, changes="participation_cents = 1", version=str(version.pk))
    assert run.changes == {**version.rules, "participation_cents": 1}
    for content, expected in ((b"\xff", "not in UTF-8"), (b"x" * 1_000_001, "larger than 1 MB")):
        answer = signed_in(scene.case_worker).post(ADDRESS, asked(file=SimpleUploadedFile("a.json", content)))
        assert expected in text_of(answer.content)


def test_an_earlier_run_fills_the_form_again(scene: Scene) -> None:
    run = ask(scene.case_worker)
    page = signed_in(scene.case_worker).get(f"{ADDRESS}?like={run.public_id}").content.decode()
    assert "&quot;participation_cents&quot;: 20000" in page
    assert signed_in(scene.case_worker).get(f"{ADDRESS}?like=nonsense").status_code == 200


@pytest.mark.parametrize("part", ["learner", "provider", "employer", "payment_officer", "auditor"])
def test_nobody_else_asks_for_a_run(scene: Scene, part: str) -> None:
    assert signed_in(scene.people[part]).post(ADDRESS, asked()).status_code == 403
    user = scene.people[part]
    assert user is not None
    with pytest.raises(DomainError, match="not_allowed"):
        laboratory.ask_for_run(
            actor=user, title="x", scheme="cpf", changes={}, years=(2027,), generated=5, seed=1
        )
    assert not LaboratoryRun.objects.exists()


def test_who_asked_or_a_manager_cancels_and_deletes(scene: Scene) -> None:
    colleague = MembershipFactory.create(organisation=scene.world.agency, role="case_worker").user
    run = ask(scene.case_worker)
    for act in ("cancel", "delete"):
        for user in (scene.auditor, colleague):
            assert signed_in(user).post(f"{ADDRESS}{run.public_id}/{act}/").status_code == 403
    client: Client = signed_in(scene.case_worker)
    assert client.post(f"{ADDRESS}{run.public_id}/cancel/").status_code == 302
    run.refresh_from_db()
    assert (run.outcome, run.finished_at is None) == ("cancelled", False)
    assert "Cancelled" in shown(colleague, run)
    again = client.post(f"{ADDRESS}{run.public_id}/cancel/", follow=True)
    assert "The run is over already." in text_of(again.content)
    assert laboratory.execute_run(public_id=run.public_id) == 0
    gone = signed_in(manager(scene)).post(f"{ADDRESS}{run.public_id}/delete/", follow=True)
    assert "The run is deleted." in text_of(gone.content)
    assert not LaboratoryRun.objects.exists()
    assert client.post(f"{ADDRESS}{uuid4()}/delete/").status_code == 404
    assert client.post(f"{ADDRESS}{uuid4()}/cancel/").status_code == 404
    assert laboratory.execute_run(public_id=run.public_id) == 0


def test_progress_is_seen_and_a_cancelled_run_stops(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ask(scene.case_worker, number=3_000)
    seen: list[str] = []
    note = laboratory._note

    def looked_at(run: LaboratoryRun, done: int) -> None:
        note(run, done)
        seen.append(shown(scene.auditor, run))
        if done >= 2_000:
            laboratory.cancel_run(actor=scene.case_worker, public_id=run.public_id)

    monkeypatch.setattr(laboratory, "_note", looked_at)
    assert laboratory.execute_run(public_id=run.public_id) == 0
    run.refresh_from_db()
    assert (run.outcome, run.done, run.result) == ("cancelled", 2_000, None)
    assert "33 % done" in seen[0]
    assert "1,000 of 3,000 learners played" in seen[0]
    assert "66 % done" in seen[1]
    with pytest.raises(Cancelled):
        note(run, 3_000)


def test_a_run_whose_worker_died_is_played_from_the_beginning(scene: Scene) -> None:
    run = ask(scene.case_worker)
    LaboratoryRun.objects.filter(pk=run.pk).update(outcome="running", done=250)
    assert laboratory.execute_run(public_id=run.public_id) == 300
    run.refresh_from_db()
    assert (run.outcome, run.done) == ("done", 300)


def test_a_run_is_refused_when_the_schemes_rules_have_changed_meanwhile(scene: Scene) -> None:
    run = ask(scene.case_worker)
    LaboratoryRun.objects.filter(pk=run.pk).update(before_sha256="0" * 64)
    laboratory.execute_run(public_id=run.public_id)
    run.refresh_from_db()
    assert "the rules of the scheme have changed" in shown(scene.case_worker, run)
    assert run.outcome == "failed"


def test_a_run_that_breaks_says_no_more_than_its_kind(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ask(scene.case_worker)

    def breaks(*_given: Any, **_more: Any) -> None:
        raise RuntimeError("values of people")

    monkeypatch.setattr("funding.services.laboratory.engine.run", breaks)
    with pytest.raises(RuntimeError):
        laboratory.execute_run(public_id=run.public_id)
    run.refresh_from_db()
    assert (run.outcome, run.error) == ("failed", "RuntimeError")


def test_the_list_takes_as_many_queries_for_many_runs(scene: Scene) -> None:
    client = signed_in(scene.auditor)

    def make(number: int) -> None:
        for _ in range(number):
            ask(scene.case_worker)

    assert_queries_constant(make, lambda: client.get(ADDRESS))


def test_the_page_speaks_french(scene: Scene) -> None:
    run = played(scene.case_worker)
    client = signed_in(scene.case_worker)
    text = text_of(client.get(f"{ADDRESS}{run.public_id}/", headers={"accept-language": "fr"}).content)
    for expected in ("Ce que cela coûte par année", "Qui y gagne et qui y perd", "Argent public versé"):
        assert expected in text
    chart = client.get(f"{ADDRESS}{run.public_id}/costs.svg", headers={"accept-language": "fr"})
    assert "Coûts par année" in chart.content.decode()
