"""Files that are refused whole: one error, no counts, nothing stored of any file."""

import gzip
from pathlib import Path

import pytest

from catalogue.importing import decoding, splitting
from catalogue.models import MicroCredential, Provider
from tests.catalogue.conftest import counts, errors
from tests.catalogue.edof_files import NAMESPACE, P1, P2, F, Folder, S, catalogue

GOOD = catalogue(F())
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
ACCENTED = catalogue(F(title="Élevage à Nîmes"), encoding="ISO-8859-1")
UTF_8_SAYING_LATIN = ACCENTED.decode("iso-8859-1").encode()


CASES = {
    "empty": (b"", "not_xml"),
    "blank": (b" \n\t ", "not_xml"),
    "no markup": (b"siret,name\n1,2\n", "not_xml"),
    "cut off": (GOOD[:-20], "not_xml"),
    "cut inside a tag": (GOOD[: GOOD.index(b"<session") + 4], "not_xml"),
    "two roots": (GOOD + b"<lheo/>", "not_xml"),
    "gzip": (gzip.compress(GOOD), "not_xml"),
    "zip": (b"PK\x03\x04" + GOOD, "not_xml"),
    "NUL at the end": (GOOD + b"\0", "not_xml"),
    "NUL in a text": (GOOD.replace(b"Savoir", b"Sa\0voir"), "not_xml"),
    "control character": (GOOD.replace(b"Savoir", b"Sa\x01voir"), "not_xml"),
    "control character by reference": (GOOD.replace(b"Savoir", b"&#1;"), "not_xml"),
    "no such character": (GOOD.replace(b"Savoir", b"&#xFFFE;"), "not_xml"),
    "undefined entity": (GOOD.replace(b"Savoir", b"&savoir;"), "not_xml"),
    "unbound prefix": (GOOD.replace(b"<offres>", b"<offres><x:y/>"), "not_xml"),
    "text over 10 MB": (GOOD.replace(b"Savoir", b"a" * 10_000_001), "not_xml"),
    "attribute over 10 MB": (
        GOOD.replace(b'numero="2"', b'numero="' + b"a" * 10_000_001 + b'"', 1),
        "not_xml",
    ),
    "space before the declaration": (b" " + GOOD, "not_xml"),
    "too deep": (GOOD.replace(b"Savoir", b"<a>" * 5000 + b"</a>" * 5000), "not_xml"),
    "unknown encoding": (GOOD.replace(b"UTF-8", b"x-klingon"), "wrong_encoding"),
    "encoding not read": (GOOD.replace(b"UTF-8", b"ISO-8859-15"), "wrong_encoding"),
    "Latin-1 bytes as UTF-8": (ACCENTED.replace(b"ISO-8859-1", b"UTF-8"), "wrong_encoding"),
    "Latin-1 bytes undeclared": (ACCENTED.split(b"\n", 1)[1], "wrong_encoding"),
    "UTF-8 bytes as Latin-1": (UTF_8_SAYING_LATIN, "wrong_encoding"),
    "UTF-8 bytes as windows-1252": (
        UTF_8_SAYING_LATIN.replace(b"ISO-8859-1", b"windows-1252"),
        "wrong_encoding",
    ),
    "windows-1252 bytes as Latin-1": (
        GOOD.replace(b"UTF-8", b"ISO-8859-1").replace(b"Savoir", b"\x92"),
        "wrong_encoding",
    ),
    "unassigned in windows-1252": (
        GOOD.replace(b"UTF-8", b"windows-1252").replace(b"Savoir", b"\x81"),
        "wrong_encoding",
    ),
    "UTF-16": (GOOD.decode().encode("utf-16"), "wrong_encoding"),
    "UTF-16 without mark": (GOOD.decode().encode("utf-16-le"), "wrong_encoding"),
    "UTF-8 mark, Latin-1 declared": (b"\xef\xbb\xbf" + ACCENTED, "wrong_encoding"),
    "doctype": (GOOD.replace(b"<lheo", b"<!DOCTYPE lheo>\n<lheo"), "doctype"),
    "external subset": (
        GOOD.replace(b"<lheo", b'<!DOCTYPE lheo SYSTEM "file:///etc/passwd">\n<lheo'),
        "doctype",
    ),
    "bomb": (
        GOOD.replace(b"<lheo", b'<!DOCTYPE lheo [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>\n<lheo').replace(
            b"Savoir", b"&b;"
        ),
        "doctype",
    ),
    "wrong namespace": (GOOD.replace(NAMESPACE.encode(), b"http://lheo.gouv.fr"), "wrong_root"),
    "no namespace": (GOOD.replace(b' xmlns="' + NAMESPACE.encode() + b'"', b""), "wrong_root"),
    "another root": (
        GOOD.replace(b"lheo xmlns", b"catalogue xmlns").replace(b"</lheo>", b"</catalogue>"),
        "wrong_root",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_refused_whole(name, import_edof, folder: Folder) -> None:
    content, code = CASES[name]
    good = folder.edof(F(siret=P2))
    report = import_edof(good, folder.put(content))
    assert counts(report) == (0, 0, 0, 0, 0)
    assert [problem[:2] for problem in errors(report)] == [(code, None)]
    assert report.warnings.count == 0
    assert not MicroCredential.objects.exists()
    assert not Provider.objects.exists()


def test_a_fault_in_the_last_byte_of_the_last_file_keeps_all_from_being_stored(
    import_edof, folder: Folder
) -> None:
    many = folder.edof(*(F(number=f"F{n}") for n in range(40)))
    last = folder.put(catalogue(F(siret=P2)) + b"<")
    report = import_edof(many, last)
    assert counts(report) == (0, 0, 0, 0, 0)
    assert not MicroCredential.objects.exists()


def test_refusals_come_before_the_errors_of_entries(import_edof, folder: Folder) -> None:
    report = import_edof(folder.edof(F(siret="00000000000001")), folder.put(b""))
    assert errors(report) == [("not_xml", None, None)]


def test_a_missing_file_is_named(import_edof, folder: Folder) -> None:
    report = import_edof(folder.edof(F()), folder.path / "nowhere.xml")
    assert errors(report) == [("not_found", None, None)]
    assert "nowhere.xml" in report.errors.listed[0].message
    assert not MicroCredential.objects.exists()


def test_a_folder_is_no_file(import_edof, folder: Folder) -> None:
    assert errors(import_edof(folder.path)) == [("not_found", None, None)]


def test_nothing_a_file_names_is_opened(import_edof, folder: Folder) -> None:
    secret = folder.put("secret words", name="secret.txt")
    instruction = f'<?xml-stylesheet href="file://{secret}"?>'
    include = (
        '<extra info="x" xmlns:xi="http://www.w3.org/2001/XInclude">'
        f'<xi:include href="{secret}" parse="text"/></extra>'
    )
    instance = "http://www.w3.org/2001/XMLSchema-instance"
    located = catalogue(F(extra=include)).replace(
        b"<lheo ",
        f'<lheo xmlns:xsi="{instance}" xsi:schemaLocation="{NAMESPACE} {secret}" '.encode(),
    )
    report = import_edof(folder.put(located.replace(b"\n<lheo", b"\n" + instruction.encode() + b"<lheo")))
    assert counts(report) == (1, 0, 0, 0, 0)
    assert "secret words" not in str(MicroCredential.objects.values().get())


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "windows-1252"])
def test_encodings_that_are_read(encoding, import_edof, folder: Folder) -> None:
    title = "Élevage à Nîmes" + (" – 10 €" if encoding != "ISO-8859-1" else "")
    report = import_edof(folder.edof(F(title=title), encoding=encoding))
    assert counts(report) == (1, 0, 0, 0, 0)
    assert MicroCredential.objects.get().title == title


@pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b""])
def test_utf_8_with_and_without_its_mark(prefix, import_edof, folder: Folder) -> None:
    assert counts(import_edof(folder.put(prefix + GOOD))) == (1, 0, 0, 0, 0)


def test_no_declaration_is_utf_8(import_edof, folder: Folder) -> None:
    assert counts(import_edof(folder.put(GOOD.split(b"\n", 1)[1]))) == (1, 0, 0, 0, 0)


def test_ascii_alone_is_no_mojibake(import_edof, folder: Folder) -> None:
    plain = catalogue(F(title="Elevage"), encoding="ISO-8859-1")
    assert counts(import_edof(folder.put(plain))) == (1, 0, 0, 0, 0)


def test_one_true_latin_byte_makes_a_file_latin(import_edof, folder: Folder) -> None:
    mixed = catalogue(F(title="Ã© et é"), encoding="ISO-8859-1")
    assert counts(import_edof(folder.put(mixed))) == (1, 0, 0, 0, 0)


@pytest.mark.parametrize("size", [1, 2, 7, 61, 997])
def test_where_chunks_end_changes_nothing(size, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder.edof(F(title="É>\"'<é"), F(number='a>b"c', siret=P1), between="\n<!-- > -->\n")
    whole = list(splitting.split_file(path))
    monkeypatch.setattr(decoding, "CHUNK", size)
    assert list(splitting.split_file(path)) == whole
    assert len(whole) == 2


def test_lines_count_where_the_tag_starts(folder: Folder) -> None:
    formation = F().xml().replace("<formation ", "<formation\n\n\n   ", 1)
    path = folder.put(catalogue(F(), formation, F(number="F3"), between="\r\n\r\n"))
    pieces = list(splitting.split_file(path))
    assert [piece.line for piece in pieces] == [4, 6, 11]


def test_prefixes_and_other_namespaces_are_understood(import_edof, folder: Folder) -> None:
    text = catalogue(F()).decode()
    prefixed = text.replace("</", "</l:").replace("<l:", "<l:")
    for old, new in (("<lheo xmlns=", "<l:lheo xmlns:l="), ("</l:", "</l:")):
        prefixed = prefixed.replace(old, new)
    body, rest = prefixed.split("<offres", 1)
    rest = "<offres" + rest
    for tag in ("offres", *_tags()):
        rest = rest.replace(f"<{tag}>", f"<l:{tag}>").replace(f"<{tag} ", f"<l:{tag} ")
    report = import_edof(folder.put(body + rest))
    assert errors(report) == []
    assert counts(report) == (1, 0, 0, 0, 0)


def _tags() -> set[str]:
    return {part.split(">")[0].split(" ")[0] for part in F().xml().split("<") if part and part[0] != "/"}


def test_a_namespace_of_one_formation_is_not_that_of_the_next(import_edof, folder: Folder) -> None:
    stranger = F(number="X").xml().replace("<formation ", '<formation xmlns="urn:other" ', 1)
    report = import_edof(folder.put(catalogue(stranger, F())))
    assert [problem[0] for problem in errors(report)] == ["schema"]
    assert counts(report) == (1, 0, 0, 1, 0)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("<lheo xmlns={q}/>", "offres"),
        ("<lheo xmlns={q}><offres/></lheo>", "formation"),
        ("<lheo xmlns={q}><offres>{f}</offres><offres>{g}</offres></lheo>", "offres"),
        ("<lheo xmlns={q}><offres>{f}<foo/></offres></lheo>", "foo"),
        ("<lheo xmlns={q}><offres>{f}text</offres></lheo>", "offres"),
        ("<lheo xmlns={q} a='b'><offres>{f}</offres></lheo>", "lheo"),
        ("<lheo xmlns={q}><offres>{f}</offres>{g}</lheo>", "formation"),
    ],
)
def test_faults_around_the_entries_are_told(text, field, import_edof, folder: Folder) -> None:
    content = text.format(q=f'"{NAMESPACE}"', f=F().xml(), g=F(number="F2").xml())
    report = import_edof(folder.put(content))
    assert ("schema", None, field) in errors(report)


def test_a_formation_too_large_for_memory_is_nobodys(import_edof, folder: Folder, monkeypatch) -> None:
    monkeypatch.setattr(splitting, "MAX_ENTRY", 3000)
    monkeypatch.setattr(splitting, "MAX_TEXT", 2500)
    monkeypatch.setattr(decoding, "CHUNK", 512)
    large = F(number="L").at(*(S(number=f"S{n}") for n in range(9)))
    report = import_edof(folder.edof(F(), large, F(number="F3")))
    assert errors(report) == [("schema", None, "formation")]
    assert counts(report) == (2, 0, 0, 1, 0)


def test_real_example_is_refused_for_its_siret(import_edof) -> None:
    path = Path(__file__).parent.parent / "data" / "edof" / "exemple_catalogue.xml"
    report = import_edof(path)
    assert counts(report) == (0, 0, 0, 4, 0)
    assert [one.code for one in report.errors.listed] == ["bad_siret"] * 4
    assert [one.line for one in report.errors.listed] == [4, 87, 170, 253]
    assert report.warnings.count == 0
