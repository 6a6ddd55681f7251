"""Filling a page's form in with what somebody had entered."""

import re

import pytest

from accounts.form_filling import Banner, fill

BANNER = Banner(filled="<div>FILLED</div>", lost="<div>LOST</div>")
PAGE = """<!DOCTYPE html><html lang="en"><head><title>t</title></head><body>
<form method="get" action="/things/"><input name="q"></form>
<form method="post" action="/other/"><input name="title" value="other"></form>
<main id="main-content">Above<form method="post" id="f">
<input type="hidden" name="csrfmiddlewaretoken" value="fresh"><input type="hidden" name="key" value="new">
<input name="title" value=""><input type="email" name="mail">
<input name="part" value="a"><input name="part" value="b">
<input type="password" name="again"><input type="file" name="proof">
<textarea name="why">old</textarea>
<select name="kind"><option value="1" selected>One</option><option value="2">Two</option></select>
<select name="many" multiple><option>x</option><option>y</option><option>z</option></select>
<input type="radio" name="yes" value="1" checked><input type="radio" name="yes" value="0">
<input type="checkbox" name="agree" checked>
<input type="checkbox" name="topic" value="t1"><input type="checkbox" name="topic" value="t2">
<svg viewBox="0 0 1 1"><path d="M0 0"></path></svg><button name="go" value="1">Go</button>
</form><input name="outside" form="f"></main></body></html>"""


def filled(**fields: list[str]) -> str:
    return fill(PAGE, page="/things/1/", target="/things/1/", fields=fields, banner=BANNER)


def tag(page: str, name: str, *, nth: int = 0) -> str:
    return re.findall(rf'<(?:input|textarea|select)[^>]*name="{name}"[^>]*>', page)[nth]


def test_every_kind_of_control_is_as_it_was_left() -> None:
    page = filled(
        title=['A "title" & <b>'],
        mail=["x@example.org"],
        part=["c", "d"],
        why=["<script>\nsecond line"],
        kind=["2"],
        many=["x", "z"],
        yes=["0"],
        topic=["t2"],
        outside=["far"],
    )
    assert """value='A "title" &amp; &lt;b&gt;'""" in tag(page, "title", nth=1)
    assert 'value="x@example.org"' in tag(page, "mail")
    assert [tag(page, "part", nth=n).count(f'value="{v}"') for n, v in enumerate("cd")] == [1, 1]
    assert "&lt;script&gt;\nsecond line</textarea>" in page
    assert '<option value="2" selected' in page
    assert '<option value="1">' in page
    assert page.count("<option selected") == 2
    assert "checked" not in tag(page, "yes")
    assert "checked" in tag(page, "yes", nth=1)
    assert "checked" not in tag(page, "agree"), "what was not ticked is not sent"
    assert ["checked" in tag(page, "topic", nth=n) for n in range(2)] == [False, True]
    assert 'value="far"' in tag(page, "outside")
    assert page.index("FILLED") < page.index("Above")
    assert page.startswith("<!DOCTYPE html>")


def test_secrets_tokens_files_and_buttons_are_left_alone() -> None:
    page = filled(csrfmiddlewaretoken=["stale"], key=["stale"], again=["pw"], proof=["c:/x"], go=["9"])
    assert "stale" not in page
    assert 'value="pw"' not in page
    assert "c:/x" not in page
    assert 'value="1">Go' in page


@pytest.mark.parametrize("target", ["/things/2/", "https://evil.example/things/1/"])
def test_a_page_without_the_form_only_says_so(target: str) -> None:
    page = fill(PAGE, page="/things/1/", target=target, fields={"title": ["x"]}, banner=BANNER)
    assert "LOST" in page
    assert 'value="x"' not in page


def test_of_two_forms_to_one_place_the_one_that_fits_is_filled() -> None:
    two = (
        '<main><form method="post"><input name="a"></form><form method="post"><input name="b"></form></main>'
    )
    page = fill(two, page="/p/", target="/p/", fields={"b": ["here"]}, banner=BANNER)
    assert '<input name="a">' in page
    assert '<input name="b" value="here">' in page
