"""How far an import is, seen from outside while it is at work."""

from __future__ import annotations

from typing import Any

import pytest

from catalogue import tasks
from catalogue.models import ImportRun
from catalogue.services import uploads
from tests.catalogue.importing.tables import write_many
from tests.factories.accounts import MembershipFactory, OrganisationFactory


def test_progress_is_seen_while_the_work_goes_on(
    committed_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    agency = OrganisationFactory.create()
    actor = MembershipFactory.create(organisation=agency, role="manager").user
    monkeypatch.setattr(uploads, "TELL_SECONDS", 0.0)
    path = tmp_path / "many.csv"
    write_many(path, entries=30, providers=1)
    file = uploads.keep_file(actor=actor, name="many.csv", chunks=[path.read_bytes()])
    run = uploads.request_import(actor=actor, kind="template", file=file, register=None, full=False)
    seen: list[tuple[str, int]] = []
    tell = uploads._Progress.__call__

    def watched(self: Any, stage: str, count: int) -> None:
        tell(self, stage, count)
        now = ImportRun.objects.get(pk=run.pk)
        seen.append((now.work, now.done))

    monkeypatch.setattr(uploads._Progress, "__call__", watched)
    tasks.check_import(run_id=run.pk)
    assert ("read", 30) in seen
    assert seen[-1] == ("store", 30)
