"""Files spoilt at random: they are refused or their entries are told to be wrong, and nothing worse happens."""

import random
from collections import Counter
from pathlib import Path

import pytest

from catalogue.importing import edof, etpl, registers
from catalogue.importing.entries import Entry
from catalogue.importing.problems import Problem, RefusedWholeError
from catalogue.importing.spool import Spool
from tests.catalogue.conftest import DATA
from tests.catalogue.edof_files import P1

TOKENS = [
    *(
        b"<",
        b">",
        b'"',
        b"'",
        b"&",
        b"\0",
        b"\xff",
        b"\xc3",
        b"\x85",
        b"-",
        b",",
        b'""',
        b"\r",
        b"\n",
        b"]]>",
    ),
    *(b"<formation ", b"</formation>", b"<extras/>", b"<!--", b"<![CDATA[", b"<?x ?>", b"&#0;", b"&lt;"),
    *(b' xmlns="x"', b'numero=""', b"99999999", b"\xe2\x80\xa8", b"<!DOCTYPE lheo>"),
]
CODES = {
    *("not_xml", "not_csv", "wrong_encoding", "doctype", "wrong_root", "bad_register"),
    *("schema", "bad_siret", "duplicate", "bad_date", "bad_period", "bad_price", "price_mismatch"),
    *("missing_value", "unknown_provider"),
}


def spoilt(content: bytes, chance: random.Random) -> bytes:
    """The content with a few bytes put in, taken out, changed or repeated."""
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at:at] = chance.choice(TOKENS)
            case 1:
                del data[at : at + chance.choice([1, 1, 5, 40, 400])]
            case 2:
                data[at] = chance.randrange(256)
            case _:
                other = chance.randrange(len(data))
                data[at:at] = data[other : other + chance.choice([3, 30, 300])]
    return bytes(data)


def read(kind: str, path: Path) -> Counter[str]:
    """Read a file as an import does, and count the codes it gives."""
    codes: Counter[str] = Counter()
    try:
        if kind == "register":
            registers.read_etpl_register(path)
            return codes
        with Spool("number") as spool:
            for entry in edof.read_file(path) if kind == "edof" else etpl.read_file(path, {}):
                if isinstance(entry, Entry):
                    spool.add(entry)
                problems: list[Problem] = entry.errors if isinstance(entry, Entry) else [entry]
                codes.update(problem.code for problem in problems)
            spool.close()
            for provider in spool.providers():
                assert all(one.data for batch in spool.batches(provider, 100) for one in batch)
    except RefusedWholeError as refusal:
        codes[refusal.problem.code] += 1
    return codes


@pytest.mark.parametrize("kind", ["edof", "etpl", "register"])
def test_whatever_a_file_holds(kind: str, tmp_path: Path) -> None:
    chance = random.Random(f"spoilt {kind}")
    sources = {
        "edof": (DATA / "edof" / "exemple_catalogue.xml")
        .read_bytes()
        .replace(b"12312312300000", P1.encode()),
        "etpl": b"".join((DATA / "etpl" / "programs.csv").read_bytes().splitlines(keepends=True)[:40]),
        "register": b"".join((DATA / "etpl" / "providers.csv").read_bytes().splitlines(keepends=True)[:60]),
    }
    codes: Counter[str] = Counter()
    path = tmp_path / "spoilt"
    for _ in range(200):
        path.write_bytes(spoilt(sources[kind], chance))
        codes += read(kind, path)
    assert codes.keys() <= CODES
    assert len(codes) >= 2
