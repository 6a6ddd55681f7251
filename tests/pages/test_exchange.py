"""Pages of what goes in and out: open data, imports."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalogue import tasks
from catalogue.models import ImportRun, MicroCredential
from tests.catalogue.importing.tables import P1, P2, as_csv, row
from tests.pages.support import Scene, signed_in
from tests.support.queries import captured_queries

pytestmark = pytest.mark.django_db
EVIL = "=1+1<script>alert(1)</script>.csv"


def upload(client: Client, content: str, *, name: str = "offers.csv", **told: object) -> object:
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
    assert (answer.status_code, ImportRun.objects.count()) == (422, 0)  # type: ignore[attr-defined]
    assert "need the register" in answer.content.decode()  # type: ignore[attr-defined]
    assert upload(client, "").status_code == 422  # type: ignore[attr-defined]


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
