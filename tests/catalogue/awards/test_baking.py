"""Badges as pictures: baked as Open Badges 3.0 has it, read by openbadgeslib, and every hostile one told apart."""

from __future__ import annotations

import io
import json
import struct
import zlib
from datetime import timedelta
from typing import Any

import png  # type: ignore[import-untyped]
import pytest
from joserfc.jwk import RSAKey
from lxml import etree
from openbadgeslib import baking as other_baking
from openbadgeslib.ob3 import OB3Verifier
from PIL import Image, PngImagePlugin

from accounts.services import service_users
from catalogue.awards import baking
from catalogue.models import Award
from catalogue.services import awards
from ila.core import clock
from tests.catalogue.awards.support import NOW, encoded, make_award, make_entry, signed_by, stranger_key

pytestmark = pytest.mark.django_db
SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:openbadges="https://purl.imsglobal.org/ob/v3p0">{}</svg>'
KEYWORD = b"openbadgecredential\x00"


@pytest.fixture
def award() -> Award:
    with clock.at(NOW):
        return make_award(make_entry(title="Méthodes agiles & <conduite> de projet", validity_months=36))


def verdict(content: bytes, **later: float) -> str:
    with clock.at(NOW + timedelta(**later)):
        return awards.verify_file(content).code


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(*chunks: bytes, width: int = 8, height: int = 8) -> bytes:
    """A small PNG with more in it."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    points = chunk(b"IDAT", zlib.compress(b"\x00" * 25 * 8))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + points + chunk(b"IEND", b"")


def carrying(text: bytes, *, keyword: bytes = KEYWORD, rest: bytes = bytes(4)) -> bytes:
    return chunk(b"iTXt", keyword + rest + text)


def drawing(token: str, *, extra: str = "") -> bytes:
    return SVG.format(f'<openbadges:credential verify="{token}"/>{extra}').encode()


# -- what we bake ----------------------------------------------------------------------------------------------------


def test_openbadgeslib_finds_and_verifies_what_is_baked(award: Award) -> None:
    pem = RSAKey.import_key(award.key.public_jwk).as_pem(private=False)
    for token in (
        OB3Verifier.extract_token_from_png(baking.bake_png(award)),
        OB3Verifier.extract_token_from_svg(baking.bake_svg(award)),
    ):
        assert token == award.token
        assert OB3Verifier(pem).verify(token).id == award.claims["id"]


def test_a_baked_png_is_a_picture_for_every_reader(award: Award) -> None:
    baked = baking.bake_png(award)
    with Image.open(io.BytesIO(baked)) as shown:
        assert isinstance(shown, PngImagePlugin.PngImageFile)
        assert shown.size == (600, 600)
        shown.load()
        assert shown.text == {"openbadgecredential": award.token}
    # Not compressed and once, as the specification asks.
    found = [data for kind, data in png.Reader(bytes=baked).chunks() if kind == b"iTXt"]
    assert found == [KEYWORD + bytes(4) + award.token.encode()]


def test_a_baked_svg_begins_with_its_credential_and_runs_nothing(award: Award) -> None:
    root = etree.fromstring(baking.bake_svg(award))
    assert root.nsmap["openbadges"] == "https://purl.imsglobal.org/ob/v3p0"
    assert root[0].tag == "{https://purl.imsglobal.org/ob/v3p0}credential"
    assert root[0].attrib.items() == [("verify", award.token)]
    words = " ".join(str(each) for each in root.itertext())
    assert "Méthodes agiles" in words
    assert "<conduite>" in words
    names = {str(name) for node in root.iter() for name in node.attrib}
    assert not {name for name in names if name.startswith("on") or name in {"style", "href"}}


def test_an_award_of_attendance_says_so_on_its_picture() -> None:
    baked = baking.bake_svg(make_award(assessed=False))
    assert b"Certificate of attendance" in baked


@pytest.mark.parametrize(
    "title", ["x" * 300, "Ωμέγα и ещё 训练 " * 12, "a", "\u202eevil <script>alert(1)</script>"]
)
def test_any_title_can_be_drawn(title: str) -> None:
    award = make_award(make_entry(title=title))
    assert verdict_now(baking.bake_png(award)) == "valid"
    assert verdict_now(baking.bake_svg(award)) == "valid"


def verdict_now(content: bytes) -> str:
    return awards.verify_file(content).code


# -- what is told of it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bake", [baking.bake_png, baking.bake_svg, lambda award: award.token.encode()])
def test_one_credential_is_told_the_same_however_it_comes(award: Award, bake: Any) -> None:
    genuine = bake(award)
    assert verdict(genuine) == "valid"
    assert verdict(genuine, days=3000) == "expired"
    awards.revoke_award(actor=service_users.get("clock"), award_id=award.pk, reason="fraud")
    assert verdict(genuine) == "revoked"
    award.token = altered(award)
    assert verdict(bake(award)) == "altered"
    award.token = signed_by(
        stranger_key(), {"alg": "RS256", "typ": "JWT"}, award.claims | {"jti": award.claims["iss"]}
    )
    assert verdict(bake(award)) == "forged"


def altered(award: Award) -> str:
    header, _claims, signature = award.token.split(".")
    return f"{header}.{encoded(award.claims | {'name': 'Doctor'})}.{signature}"


def test_what_openbadgeslib_bakes_is_read(award: Award) -> None:
    empty = picture()
    baked = other_baking.bake_png(empty, award.token, keyword=other_baking.ITXT_KEYWORD_OB3)
    assert verdict(baked) == "valid"
    drawn = other_baking.bake_svg(
        SVG.format("").encode(),
        award.token,
        element=other_baking.SVG_ELEMENT_OB3,
        namespace=other_baking.SVG_NS_OB3,
    )
    assert verdict(drawn) == "valid"


def test_a_credential_as_json(award: Award) -> None:
    plain = json.dumps(award.claims)
    assert verdict(plain.encode()) == "unsigned"
    assert verdict(b"\xef\xbb\xbf" + plain.encode()) == "unsigned"
    assert verdict(picture(carrying(plain.encode()))) == "unsigned"
    ours = json.dumps(award.claims | {"proof": {"type": "DataIntegrityProof"}})
    assert verdict(ours.encode()) == "forged", "no credential of ours has a proof inside"
    issuers: list[Any] = [{"id": "https://badges.example/1"}, "did:web:badges.example", None, 5, []]
    for issuer in issuers:
        foreign = json.dumps(award.claims | {"proof": {}, "issuer": issuer})
        assert verdict(foreign.encode()) == "unknown_issuer"
        assert verdict(picture(carrying(foreign.encode()))) == "unknown_issuer"


# -- what is hostile, or nothing --------------------------------------------------------------------------------------


def test_a_picture_of_a_hundred_megapixels_is_not_opened(award: Award) -> None:
    big = picture(carrying(award.token.encode()), width=10_000, height=10_000)
    assert verdict(big) == "huge_picture"
    assert verdict(picture(width=2**31 - 1, height=2**31 - 1)) == "huge_picture"
    assert verdict(picture(width=0)) == "broken_picture"


def test_what_is_packed_unfolds_to_no_more_than_a_credential(award: Award) -> None:
    def packed(data: bytes) -> bytes:
        return picture(carrying(data, rest=b"\x01\x00\x00\x00"))

    assert verdict(packed(zlib.compress(award.token.encode()))) == "valid"
    assert verdict(packed(zlib.compress(b"\x00" * 300_000_000, 1))) == "packed"
    assert verdict(packed(zlib.compress(award.token.encode())[:-9])) == "broken_picture"
    assert verdict(packed(b"nonsense")) == "broken_picture"


def test_a_token_packed_somewhere_else_is_no_credential(award: Award) -> None:
    token = award.token.encode()
    assert verdict(picture()) == "empty_picture"
    assert verdict(picture(chunk(b"tEXt", KEYWORD + token))) == "empty_picture"
    assert verdict(picture(carrying(token, keyword=b"openbadges\x00"))) == "empty_picture"
    assert verdict(picture() + carrying(token)) == "empty_picture", "behind the end there is nothing"


def test_two_credentials_are_one_too_many(award: Award) -> None:
    one = carrying(award.token.encode())
    assert verdict(picture(one, one)) == "several"
    twice = drawing(award.token, extra=f'<openbadges:credential verify="{award.token}"/>')
    assert verdict(twice) == "several"


@pytest.mark.parametrize("rest", [b"", b"\x00", b"\x00\x00x", b"\x02\x00\x00\x00", b"\x00\x00en"])
def test_a_chunk_that_is_none_is_damage(rest: bytes) -> None:
    assert verdict(picture(chunk(b"iTXt", KEYWORD + rest))) == "broken_picture"


def test_a_damaged_picture_says_so(award: Award) -> None:
    whole = baking.bake_png(award)
    for cut in (9, 20, 40, len(whole) // 2, len(whole) - 1):
        assert verdict(whole[:cut]) == "broken_picture", cut
    middle = whole.index(KEYWORD) + 40
    assert verdict(whole[:middle] + b"?" + whole[middle + 1 :]) == "broken_picture"
    assert (
        verdict(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**32 - 1) + b"IHDR" + bytes(60)) == "broken_picture"
    )
    assert verdict(b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", b"a") + chunk(b"IEND", b"")) == "broken_picture"


@pytest.mark.parametrize(
    "extra",
    [
        "<script>alert(1)</script>",
        '<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>',
        '<rect onclick="alert(1)"/>',
        '<rect oNload="alert(1)"/>',
        '<a href="javascript:alert(1)"/>',
        '<a href=" JAVASCRIPT:alert(1)"/>',
        '<a href="data:text/html,x"/>',
        '<image href="https://evil.example/a.png"/>',
        '<use href="https://evil.example/a.svg#x"/>',
        '<x:use xmlns:x="http://www.w3.org/2000/svg" xmlns:l="http://www.w3.org/1999/xlink" l:href="//evil"/>',
        "<foreignObject><p/></foreignObject>",
        '<set attributeName="href" to="javascript:alert(1)"/>',
        "<animate/>",
        "<style>@import 'https://evil.example/a.css';</style>",
        "<style>rect { fill: url( 'https://evil.example/') }</style>",
        '<rect style="fill: url(https://evil.example/)"/>',
        '<rect fill="url(//evil.example/#a)"/>',
        "<?xml-stylesheet href='https://evil.example/a.css'?>",
    ],
)
def test_a_drawing_that_could_do_something_is_refused(award: Award, extra: str) -> None:
    assert verdict(drawing(award.token, extra=extra)) == "active_picture"


@pytest.mark.parametrize(
    "start",
    [
        '<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE svg SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">',
        '<?xml version="1.0"?><?xml-stylesheet href="https://evil.example/a.css"?>',
    ],
)
def test_declarations_and_instructions_are_refused(award: Award, start: str) -> None:
    assert verdict(start.encode() + drawing(award.token)) == "active_picture"


@pytest.mark.parametrize(
    "extra",
    [
        '<defs><linearGradient id="g"/></defs><rect fill="url(#g)"/>',
        "<style>.a { fill: url( #g ); color: red }</style>",
        '<use href="#a"/>',
        '<image href="data:image/png;base64,AAAA"/>',
        "<!-- a note --><metadata/>",
        '<circle r="3" opacity="0.5"/>',
    ],
)
def test_an_ordinary_drawing_is_read(award: Award, extra: str) -> None:
    assert verdict(drawing(award.token, extra=extra)) == "valid"
    assert verdict(b'<?xml version="1.0" encoding="UTF-8"?>\n' + drawing(award.token, extra=extra)) == "valid"


def test_drawings_that_are_none(award: Award) -> None:
    assert verdict(SVG.format("").encode()) == "empty_picture"
    assert verdict(SVG.format(f'<credential verify="{award.token}"/>').encode()) == "empty_picture"
    assert verdict(drawing(award.token)[:-3]) == "broken_picture"
    assert verdict(b"<html><body>hello</body></html>") == "not_a_credential"
    assert verdict(b"<html><body>hello") == "not_a_credential"
    assert verdict(b"<svg>" * 100_000) == "broken_picture"
    assert verdict(b"<svg>" * 1_000_000) == "too_large"
    assert verdict(b'<?xml version="1.0" encoding="nonsense"?><svg/>') == "broken_picture"
    assert verdict(drawing("&#60;script&#62;")) == "not_a_credential"


def test_other_files_are_named_for_what_they_are() -> None:
    assert verdict(b"%PDF-1.7 anything") == "paper"
    for other in (b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF1234WEBP", b"BM"):
        assert verdict(other + bytes(50)) == "empty_picture"
    assert verdict(b"PK\x03\x04" + bytes(50)) == "not_a_credential"
    assert verdict(bytes(range(256)) * 9) == "not_a_credential"
    assert verdict(bytes(baking.MAX_FILE + 1)) == "too_large"
