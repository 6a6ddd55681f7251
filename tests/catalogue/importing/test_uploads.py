"""Files handed in: kept by content, checked without writing, stored once a person says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from accounts.models import User
from catalogue import tasks
from catalogue.models import CatalogueFile, FilePiece, ImportRun, ImportStage, MicroCredential
from catalogue.services import uploads
from ila.core.errors import DomainError
from tests.catalogue.importing.tables import P1, P2, as_csv, as_xlsx, row
from tests.factories.accounts import MembershipFactory, OrganisationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def case_worker() -> User:
    agency = OrganisationFactory.create()
    return MembershipFactory.create(organisation=agency, role="case_worker").user


def keep(actor: User, content: str | bytes, name: str = "offers.csv") -> CatalogueFile:
    data = content.encode() if isinstance(content, str) else content
    pieces = [data[start : start + 700] for start in range(0, len(data), 700)]
    return uploads.keep_file(actor=actor, name=name, chunks=pieces)


def ask(actor: User, content: str | bytes, **options: Any) -> ImportRun:
    return uploads.request_import(
        actor=actor,
        kind="template",
        file=keep(actor, content),
        register=options.get("register"),
        full=options.get("full", False),
    )


def test_a_file_is_kept_as_it_came_and_once(case_worker: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PIECE", 100)
    content = as_csv(row(), row(entry_number="E2"))
    first = keep(case_worker, content, name="../../etc/offers.csv")
    assert (first.name, first.size) == ("offers.csv", len(content))
    assert keep(case_worker, content, name="again.csv") == first
    assert FilePiece.objects.count() > 5
    with uploads.opened(first) as path:
        assert path is not None
        assert path.read_text() == content
    assert not path.exists()


@pytest.mark.parametrize("model", [CatalogueFile, FilePiece])
def test_what_was_handed_in_is_never_changed(case_worker: User, model: Any) -> None:
    keep(case_worker, as_csv(row()))
    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.all().delete()


def test_empty_and_endless_files_are_refused(case_worker: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DomainError, match="file_empty"):
        keep(case_worker, b"")
    monkeypatch.setattr(uploads, "MAX_BYTES", 1000)
    with pytest.raises(DomainError, match="file_too_large"):
        uploads.keep_file(actor=case_worker, name="x", chunks=(b"x" * 600 for _ in range(10**9)))
    assert not CatalogueFile.objects.exists()


def test_who_is_not_of_the_authority_imports_nothing(case_worker: User) -> None:
    stranger = MembershipFactory.create(organisation=OrganisationFactory.create(provider=True)).user
    with pytest.raises(DomainError, match="not_allowed"):
        keep(stranger, as_csv(row()))
    run = ask(case_worker, as_csv(row()))
    uploads.check_import(run_id=run.pk)
    for decide in (uploads.confirm_import, uploads.discard_import):
        with pytest.raises(DomainError, match="not_allowed"):
            decide(actor=stranger, public_id=run.public_id)


def test_etpl_needs_its_register(case_worker: User) -> None:
    file = keep(case_worker, "programid\n")
    with pytest.raises(DomainError, match="register_missing"):
        uploads.request_import(actor=case_worker, kind="etpl", file=file, register=None, full=False)


@pytest.mark.parametrize("make", [as_csv, as_xlsx])
def test_checked_then_stored(case_worker: User, make: Any) -> None:
    run = ask(case_worker, make(row(), row(provider=P2, price="")))
    tasks.check_import(run_id=run.pk)
    run.refresh_from_db()
    assert run.stage == ImportStage.CHECKED
    assert run.report is not None
    assert (run.report["created"], run.report["rejected"]) == (1, 1)
    assert run.report["errors"][0]["entry"] == f"{P2}/E1"
    assert not MicroCredential.objects.exists()
    uploads.confirm_import(actor=case_worker, public_id=run.public_id)
    with pytest.raises(DomainError, match="not_checked"):
        uploads.confirm_import(actor=case_worker, public_id=run.public_id)
    tasks.store_import(run_id=run.pk)
    run.refresh_from_db()
    assert (run.stage, run.decided_by) == (ImportStage.STORED, case_worker)
    assert run.result is not None
    assert run.result["created"] == 1
    assert MicroCredential.objects.get().entry == f"{P1}/E1"
    tasks.store_import(run_id=run.pk)
    run.refresh_from_db()
    assert json.dumps(run.result["created"]) == "1", "a job that runs twice stores once"


def test_a_page_lists_more_errors_than_the_command(
    case_worker: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LISTED", 3)
    run = ask(case_worker, as_csv(*(row(entry_number=f"E{number}", price="") for number in range(5))))
    tasks.check_import(run_id=run.pk)
    run.refresh_from_db()
    assert run.report is not None
    assert (len(run.report["errors"]), run.report["errors_left_out"]) == (3, 2)


def test_a_discarded_import_stores_nothing(case_worker: User) -> None:
    run = ask(case_worker, as_csv(row()))
    with pytest.raises(DomainError, match="not_checked"):
        uploads.discard_import(actor=case_worker, public_id=run.public_id)
    tasks.check_import(run_id=run.pk)
    uploads.discard_import(actor=case_worker, public_id=run.public_id)
    tasks.store_import(run_id=run.pk)
    assert not MicroCredential.objects.exists()


def test_an_import_that_breaks_says_so(case_worker: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise OSError("No space left on /var/secret")

    monkeypatch.setattr(uploads, "import_catalogue", broken)
    run = ask(case_worker, as_csv(row()))
    with pytest.raises(OSError, match="No space"):
        tasks.check_import(run_id=run.pk)
    run.refresh_from_db()
    assert (run.stage, run.error) == (ImportStage.FAILED, "OSError")


def test_edof_files_and_registers_go_the_same_way(case_worker: User) -> None:
    register = keep(
        case_worker, f"siret,name,status,valid_from,valid_until\n{P1},École,Approved,,\n", "r.csv"
    )
    run = ask(case_worker, as_csv(row()), register=register, full=True)
    tasks.check_import(run_id=run.pk)
    run.refresh_from_db()
    assert run.report is not None
    assert run.report["warnings"] == []
