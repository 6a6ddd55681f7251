"""Payment batches, the bank's messages and the audit on pages."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.core.cache import cache

from funding import audit as books
from funding import words
from funding.audit import further
from funding.models import BankMessage
from funding.views import audit as audit_page
from tests.pages.support import PAYDAY, Scene, bank_message, exported_batch, signed_in, validated_booking
from tests.pages.test_bookings import text_of

pytestmark = pytest.mark.django_db


def test_a_batch_shows_its_payments_and_what_the_bank_said(scene: Scene) -> None:
    booking = validated_booking(scene)
    batch = exported_batch(scene, booking)
    bank_message(batch)
    text = text_of(signed_in(scene.payment_officer).get(f"/agency/batches/{batch.msg_id}/").content)
    for expected in (
        batch.msg_id,
        "€1,320.00 , 1 payment",
        "Atelier des compétences",
        "Payment file exported",
        "pain.002",
        "Processed",
    ):
        assert expected in text.replace("\u00a0", " ")


def test_a_message_of_the_bank_is_handed_out_as_text_and_never_as_a_page(scene: Scene) -> None:
    message = bank_message(exported_batch(scene, validated_booking(scene)))
    answer = signed_in(scene.auditor).get(f"/agency/bank-messages/{message.sha256}/raw/")
    assert answer.content == bytes(message.content)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_the_payment_file_is_the_one_that_was_sent(scene: Scene) -> None:
    batch = exported_batch(scene, validated_booking(scene))
    answer = signed_in(scene.auditor).get(f"/agency/batches/{batch.msg_id}/file/")
    assert answer.content == bytes(batch.file.content)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{batch.msg_id}-pain.001.txt"'


def test_a_message_that_was_refused_is_shown_with_its_reason(scene: Scene) -> None:
    BankMessage.objects.create(
        kind="pain.002",
        message_id="STRANGE",
        content=b"<x/>",
        sha256="f" * 64,
        state="refused",
        reason="other_amount",
        detail={"message": "<b>12.00</b> instead of 13.00"},
        received_at=PAYDAY,
    )
    client = signed_in(scene.payment_officer)
    assert "1 message could not be used" in text_of(client.get("/agency/batches/").content)
    content = client.get("/agency/bank-messages/?state=refused").content.decode()
    assert "other_amount: &lt;b&gt;12.00&lt;/b&gt; instead of 13.00" in content
    assert client.get("/agency/bank-messages/?state=processed").context["page"].paginator.count == 0


def test_the_audit_shows_each_invariant(scene: Scene) -> None:
    validated_booking(scene)
    answer = signed_in(scene.auditor).get("/agency/audit/")
    assert [row["id"] for row in answer.context["rows"]] == [*range(1, 12), *sorted(further.rules())]
    assert answer.context["result"]["ok"], [row for row in answer.context["rows"] if row["count"]]
    assert "The books hold" in text_of(answer.content)


def test_a_broken_invariant_names_its_rows(scene: Scene) -> None:
    findings = [books.Finding(f"funding_posting:{number}", "unbalanced") for number in range(60)]
    report = books.AuditReport(
        [books.InvariantReport(1, "balanced", 60, findings), books.InvariantReport(2, "kept", 5)]
    )
    with patch.object(books, "run", return_value=report):
        answer = signed_in(scene.auditor).get("/agency/audit/")
    text = text_of(answer.content)
    assert "1 invariant does not hold" in text
    assert "funding_posting:49" in text
    assert "and 10 more" in text


def test_the_audit_is_kept_for_a_while_and_runs_again_when_told(scene: Scene) -> None:
    client = signed_in(scene.case_worker)
    with patch.object(books, "run", wraps=books.run) as run:
        client.get("/agency/audit/")
        client.get("/agency/audit/")
        assert run.call_count == 1
        assert client.post("/agency/audit/").status_code == 302
        assert run.call_count == 2
    assert 0 < audit_page.KEPT_SECONDS <= 600
    cache.clear()


def test_nobody_else_makes_the_audit_run(scene: Scene) -> None:
    with patch.object(books, "run") as run:
        for part in ("learner", "provider", "employer"):
            assert signed_in(scene.people[part]).post("/agency/audit/").status_code == 403
        assert not run.called


def test_the_page_and_the_command_know_the_same_invariants() -> None:
    assert set(books.INVARIANTS) == set(words.INVARIANTS)
