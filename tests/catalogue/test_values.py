"""Single values: HTML, days, prices, identifiers."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from catalogue.importing import html, values

PASSIVE = [
    ("<p>Bonjour</p>", "<p>Bonjour</p>"),
    ("Rien < 3 & plus", "Rien &lt; 3 &amp; plus"),
    ('<p style="margin-left: 18pt">a</p>', "<p>a</p>"),
    ('<font size="2">a</font><span _fck_bookmark="1" style="display: none"> </span>', "a "),
    ("<h1>a</h1><h3>b</h3><h6>c</h6>", "a<h3>b</h3>c"),
    ("<div class='x' id='y'>a</div>", "a"),
    ("<table><tr><td>a</td></tr></table>", "a"),
    ("<b>a</b><i>b</i><em>c</em><strong>d</strong><u>e</u>", "<b>a</b><i>b</i><em>c</em><strong>d</strong>e"),
    ("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"),
    ('<a href="https://a.fr/x?y=1&amp;z">a</a>', '<a href="https://a.fr/x?y=1&amp;z">a</a>'),
    ('<a href="HTTP://a.fr" target="_blank" rel="x">a</a>', '<a href="HTTP://a.fr">a</a>'),
    ('<a href="/page">a <b>b</b></a>', "a <b>b</b>"),
    ('<a name="top">a</a>', "a"),
    ("<!-- note -->a<br/>b", "a<br>b"),
    ("<style>p {color: red}</style>a", "a"),
    ("<p>jamais onclick = x</p>", "<p>jamais onclick = x</p>"),
    ("&lt;script&gt;", "&lt;script&gt;"),
    ("<p>", "<p></p>"),
]
ACTIVE = [
    "<script>alert(1)</script>a",
    "<SCRIPT SRC=//e.com/x.js></SCRIPT>",
    "<script",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<p onclick='x()'>a</p>",
    '<p OnMouseOver="x()">a</p>',
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>1</script></svg>",
    "<math><mi xlink:href='javascript:1'>a</mi></math>",
    "<iframe src='https://e.com'></iframe>",
    "<object data='x'></object>",
    "<embed src='x'>",
    "<form action='/x'><input name='y'></form>",
    "<button formaction='javascript:1'>a</button>",
    '<a href="javascript:alert(1)">a</a>',
    '<a href=" JaVaScRiPt:alert(1)">a</a>',
    '<a href="jav&#x09;ascript:alert(1)">a</a>',
    '<a href="&#106;avascript:alert(1)">a</a>',
    '<a href="data:text/html,<b>x</b>">a</a>',
    '<a href="mailto:a@b.fr">a</a>',
    '<a href="ftp://a.fr">a</a>',
    '<a href="//e.com/x">a</a>',
    '<a href="\\\\e.com/x">a</a>',
    '<img src="https://e.com/pixel.gif">',
    '<p style="background: url(https://e.com/x)">a</p>',
    '<p style="width: expression(alert(1))">a</p>',
    '<p style="background: u\\72l(https://e.com)">a</p>',
    "<style>@import 'https://e.com/x.css';</style>",
    '<meta http-equiv="refresh" content="0;url=https://e.com">',
    '<base href="https://e.com">',
    '<link rel="stylesheet" href="https://e.com">',
    "<iframe srcdoc='<script>1</script>'></iframe>",
]


@pytest.mark.parametrize(("text", "cleaned"), PASSIVE)
def test_harmless_html_is_reduced_in_silence(text, cleaned) -> None:
    assert html.clean_html(text) == html.Cleaned(cleaned.strip(), active=False)


@pytest.mark.parametrize("text", ACTIVE)
def test_active_html_is_taken_out_and_told(text) -> None:
    cleaned = html.clean_html(text)
    assert cleaned.active
    assert_harmless(cleaned.text)


@given(st.lists(st.sampled_from([*ACTIVE, *(text for text, _ in PASSIVE), "<", ">", '"', "&", "\0", "x"])))
def test_whatever_is_cleaned_is_harmless_and_stays_as_it_is(parts) -> None:
    cleaned = html.clean_html("".join(parts)).text
    assert_harmless(cleaned)
    assert html.clean_html(cleaned) == html.Cleaned(cleaned, active=False)


def assert_harmless(text: str) -> None:
    if not text.strip():
        return
    for element in lxml_html.fragment_fromstring(text, create_parent="p").iterdescendants():
        assert element.tag in html.ALLOWED_TAGS
        assert set(element.keys()) == ({"href"} if element.tag == "a" else set())
        assert element.get("href", "http://").lower().startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Élevage & soins", "Élevage & soins"),
        ("Moins de 3 < 4", "Moins de 3 < 4"),
        ("a <b>b</b> c", "a b c"),
        ("<script>x</script>Titre", "Titre"),
        ("&amp; reste", "&amp; reste"),
        ("Titre <!-- caché -->", "Titre"),
    ],
)
def test_titles_are_plain_text(text, plain) -> None:
    assert html.plain_text(text).text == plain


def test_a_description_is_html_only_when_it_has_a_tag() -> None:
    assert html.clean_text_or_html('a < b & "c"').text == 'a &lt; b &amp; "c"'
    assert html.clean_text_or_html("a<b and c").text == "a&lt;b and c"
    assert html.clean_text_or_html("<p>a & b</p>").text == "<p>a &amp; b</p>"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("20270614", date(2027, 6, 14)),
        ("20280229", date(2028, 2, 29)),
        ("20270229", None),
        ("20270231", None),
        ("99999999", None),
        ("00000101", None),
        ("2027061", None),
        ("٢٠٢٧٠٦١٤", None),
    ],
)
def test_compact_days(text, day) -> None:
    assert values.compact_day(text) == day


@pytest.mark.parametrize(
    ("text", "american", "day"),
    [
        ("6/30/2020 12:00:00 AM", True, date(2020, 6, 30)),
        ("12/31/2019 12:00:00 AM", True, date(2019, 12, 31)),
        ("6/30/2020", True, date(2020, 6, 30)),
        ("2021-12-31 00:00:00", True, date(2021, 12, 31)),
        ("2021-12-31", False, date(2021, 12, 31)),
        ("2021-12-31T00:00:00Z", False, date(2021, 12, 31)),
        ("31/12/2021", True, None),
        ("6/30/2020", False, None),
        ("2021-13-01", False, None),
        ("20211231", False, None),
        ("soon", True, None),
    ],
)
def test_days_of_registers(text, american, day) -> None:
    assert values.register_day(text, american=american) == day


@pytest.mark.parametrize(
    ("text", "cents"),
    [("0.01", 1), ("600.6", 60_060), ("600.60", 60_060), ("0600", 60_000), ("9999999.99", 999_999_999)],
)
def test_euro_prices(text, cents) -> None:
    assert values.euro_cents(text) == cents


@pytest.mark.parametrize(
    "text", ["", "0", "0.00", "10000000", "1,5", "1.234", ".5", "5.", "-1", "+1", "1e2", "NaN", "9" * 400]
)
def test_no_euro_prices(text) -> None:
    assert values.euro_cents(text) is None


def test_sirets() -> None:
    assert values.is_siret("73282932000074")
    assert not values.is_siret("73282932000075")
    assert not values.is_siret("7328293200007")
    assert values.is_siret("35600000000048")
    assert not values.is_siret("35600000049838")
