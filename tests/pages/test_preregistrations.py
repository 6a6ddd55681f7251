"""Registering citizens in advance on a page: checked first, stored whole, and the file forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts import tasks
from accounts.models import Citizen, Preregistration
from accounts.services import preregistration_files
from ila.core.errors import DomainError
from tests.accounts.identity.support import NIR
from tests.pages.support import Scene, signed_in
from tests.support.queries import assert_queries_constant

pytestmark = pytest.mark.django_db

HEADER = "given_name,family_name,birth_date,national_id_kind,national_id\n"
GOOD = f"{HEADER}Ada,Byron,1915-12-10,fr.nir,{NIR}\nJoan,Clarke,1917-06-24,,\n"
PAGE = "/agency/citizens/"


@pytest.fixture
def client(scene: Scene) -> Client:
    return signed_in(scene.case_worker)


def hand_in(client: Client, text: str | bytes, name: str = "people.csv") -> Any:
    content = text.encode() if isinstance(text, str) else text
    return client.post(PAGE, {"file": SimpleUploadedFile(name, content)})


def worked() -> Any:
    """The job that waits is done, as a worker does it."""
    job = ProcrastinateJob.objects.latest("id")
    task = {"accounts.check_citizens": tasks.check_citizens, "accounts.store_citizens": tasks.store_citizens}
    task[job.task_name](**job.args)
    return Preregistration.objects.latest("pk")


def test_a_file_is_checked_then_stored_and_forgotten(scene: Scene, client: Client) -> None:
    before = Citizen.objects.count()
    answer = hand_in(client, GOOD)
    run = Preregistration.objects.get()
    assert answer.headers["Location"] == f"{PAGE}{run.public_id}/"
    assert b"Byron" not in bytes(run.content), "names and numbers are not kept in the open"
    assert client.get(f"{PAGE}{run.public_id}/progress/").json()["under_way"]
    assert "data-progress" in client.get(f"{PAGE}{run.public_id}/").content.decode()
    run = worked()
    assert (run.stage, run.report["created"], Citizen.objects.count()) == ("checked", 2, before)
    assert "Register these citizens" in client.get(f"{PAGE}{run.public_id}/").content.decode()
    client.post(f"{PAGE}{run.public_id}/store/")
    waiting = ProcrastinateJob.objects.count()
    client.post(f"{PAGE}{run.public_id}/store/")
    assert ProcrastinateJob.objects.count() == waiting, "twice is once"
    run = worked()
    assert (run.stage, run.result["created"], bytes(run.content)) == ("stored", 2, b"")
    assert Citizen.objects.count() == before + 2
    assert not client.get(f"{PAGE}{run.public_id}/progress/").json()["under_way"]
    # The same file again registers nobody twice: who has no number is for a person to look at.
    hand_in(client, GOOD)
    assert worked().report["errors"][0]["code"] == "registered"


def test_faults_are_named_by_line_and_nothing_can_be_stored(client: Client) -> None:
    hand_in(client, f"{HEADER}Ada,Byron,1915,,\n<b>x</b>,Clarke,1917-06-24,fr.nir,123\n")
    run = worked()
    page = client.get(f"{PAGE}{run.public_id}/").content.decode()
    assert "Write a whole day in the past" in page
    assert "Register these citizens" not in page
    told = b"".join(client.get(f"{PAGE}{run.public_id}/faults.csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert [line.split(",")[:3] for line in told.splitlines()[1:]] == [
        ["2", "birth_date", "bad_date"],
        ["3", "national_id", "bad_number"],
    ]
    assert "123" not in told
    client.post(f"{PAGE}{run.public_id}/store/")
    run.refresh_from_db()
    assert run.stage == "checked"
    client.post(f"{PAGE}{run.public_id}/discard/")
    run.refresh_from_db()
    assert (run.stage, bytes(run.content)) == ("discarded", b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "The file is empty."), (b"  \n", "The file is empty."), (b"x" * 25_000_001, "larger than 25 MB")],
    ids=["empty", "blank", "large"],
)
def test_what_is_no_file_is_refused_at_once(client: Client, content: Any, words: str) -> None:
    answer = hand_in(client, content)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Preregistration.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b"name\nAda\n", "header is not as below"),
        (b'a,"b\n', "header is not"),
    ],
)
def test_what_cannot_be_read_says_why_and_is_forgotten(client: Client, content: bytes, words: str) -> None:
    hand_in(client, content)
    run = worked()
    assert (run.stage, bytes(run.content)) == ("failed", b"")
    assert words in client.get(f"{PAGE}{run.public_id}/").content.decode()


def test_others_register_nobody(scene: Scene) -> None:
    for user in (scene.auditor, scene.payment_officer, scene.provider_member, scene.learner.user):
        assert hand_in(signed_in(user), GOOD).status_code == 403
        with pytest.raises(DomainError, match="not_allowed"):
            preregistration_files.request_preregistration(actor=user, name="x", content=b"x")
    assert not Preregistration.objects.exists()


def test_what_nobody_decides_on_is_forgotten(client: Client) -> None:
    hand_in(client, GOOD)
    run = worked()
    assert preregistration_files.forget_undecided() == 0
    Preregistration.objects.update(requested_at=run.requested_at - timedelta(days=8))
    assert preregistration_files.forget_undecided() == 1
    assert bytes(Preregistration.objects.get().content) == b""


def test_the_list_asks_the_same_of_the_database_however_long(client: Client) -> None:
    assert_queries_constant(
        lambda n: [hand_in(client, GOOD) for _ in range(n)], lambda: client.get(PAGE), n=2
    )
