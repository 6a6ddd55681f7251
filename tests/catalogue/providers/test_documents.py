"""What may be handed in is told by its content, and nothing else is kept."""

from __future__ import annotations

from typing import Any

import pytest

from catalogue import documents
from ila.core.errors import DomainError
from tests.catalogue.providers import files


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.pdf", files.pdf(), "application/pdf"),
        ("a.html", files.picture(), "image/png"),
        ("a", files.picture("JPEG"), "image/jpeg"),
    ],
)
def test_honest_files_are_kept_by_what_they_are(name: str, content: bytes, media_type: str) -> None:
    file = documents.checked_file(name, content)
    assert file.media_type == media_type
    documents.keep(file)
    documents.keep(file)
    assert documents.read(file.sha256) == content
    path = documents.path_of(file.sha256)
    assert path.name == file.sha256
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [file.sha256]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"%PDF-" + b"0" * documents.MAX_BYTES, "too_large"),
        (files.archive(), "zip"),
        (files.SVG, "markup"),
        (files.HTML, "markup"),
        (b"\xef\xbb\xbf<html>", "markup"),
        (b"MZ\x90\x00", "kind"),
        (b"just words", "kind"),
        (files.picture("GIF"), "kind"),
        (files.picture() + files.archive(), "polyglot"),
        (files.pdf() + files.archive(), "polyglot"),
        (files.enormous_png(), "pixels"),
        (files.enormous_png(200_000, 200_000, rows=1), "pixels"),
        (files.picture()[:60], "unreadable"),
        (files.picture("JPEG")[:300], "unreadable"),
        (b"%PDF-1.7\nnothing", "unreadable"),
        (files.encrypted_pdf(), "encrypted"),
        (files.scripted_pdf(), "active"),
        (files.pdf_with_a_file(), "active"),
        (files.launching_pdf(), "active"),
    ],
)
def test_hostile_and_broken_files_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(DomainError) as refused:
        documents.checked_file("harmless.pdf", content)
    assert (refused.value.code, refused.value.params["reason"]) == ("bad_file", reason)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\papers\\k-bis.exe", "k-bis.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.pdf"),
        ('a"\r\nX-Evil: 1.pdf', "a_X-Evil_ 1.pdf"),
        ("", "document.pdf"),
        ("é" * 300 + ".pdf", "é" * 100 + ".pdf"),
    ],
)
def test_names_are_for_people_only(name: str, kept: str) -> None:
    assert documents.safe_name(name, documents.PDF) == kept


def test_what_was_altered_on_the_disk_is_not_given_out() -> None:
    file = documents.checked_file("a.pdf", files.pdf())
    documents.keep(file)
    path = documents.path_of(file.sha256)
    path.write_bytes(b"something else")
    with pytest.raises(DomainError, match="altered"):
        documents.read(file.sha256)
    with pytest.raises(DomainError, match="not_found"):
        documents.read("0" * 64)
    with pytest.raises(ValueError, match="SHA-256"):
        documents.path_of("../secret")


def test_a_pdf_without_pages_or_with_too_many_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setattr(documents, "MAX_PAGES", 0)
    with pytest.raises(DomainError) as refused:
        documents.checked_file("a.pdf", files.pdf())
    assert refused.value.params["reason"] == "too_complex"
