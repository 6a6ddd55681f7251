"""Texts that providers write in HTML: cleaned to a short list of harmless tags."""

import re
from dataclasses import dataclass
from html import escape, unescape
from html.parser import HTMLParser

import nh3

ALLOWED_TAGS = {"p", "br", "ul", "ol", "li", "strong", "em", "b", "i", "h3", "h4", "h5", "a"}
DROPPED_WITH_CONTENT = {
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "applet",
    "template",
    "noscript",
    "title",
}
ACTIVE_TAGS = {
    *(
        "script",
        "iframe",
        "frame",
        "frameset",
        "object",
        "embed",
        "applet",
        "portal",
        "form",
        "input",
        "button",
    ),
    *("select", "textarea", "meta", "base", "link", "svg", "math", "template", "isindex"),
}
URL_ATTRIBUTES = {
    *("href", "src", "action", "formaction", "background", "cite", "data", "poster", "srcset", "longdesc"),
    *(
        "usemap",
        "ping",
        "manifest",
        "codebase",
        "classid",
        "archive",
        "profile",
        "dynsrc",
        "lowsrc",
        "xlink:href",
    ),
}
_CLEANER = nh3.Cleaner(
    tags=ALLOWED_TAGS,
    clean_content_tags=DROPPED_WITH_CONTENT,
    attributes={"a": {"href"}},
    url_schemes={"http", "https"},
    url_relative="deny",
    link_rel=None,
    strip_comments=True,
)
_NO_TAGS = nh3.Cleaner(tags=set(), clean_content_tags=DROPPED_WITH_CONTENT, strip_comments=True)
_HARMLESS = re.compile(r"[^<]*(?:</?(?:p|br|ul|ol|li|strong|em|b|i|h[345])\s*/?>[^<]*)*", re.IGNORECASE)
_TAG = re.compile(
    r"</?[a-zA-Z][a-zA-Z0-9:-]*(?:\s[^<>]*|/[^<>]*)?>|<!--|<(?:script|style|iframe|svg|img)\b", re.IGNORECASE
)
# Whatever one parser makes of a broken text, another may see the tag.
_ACTIVE_TAG_ANYWHERE = re.compile(rf"<\s*/?(?:{'|'.join(sorted(ACTIVE_TAGS))})\b", re.IGNORECASE)
_HANDLER_ANYWHERE = re.compile(r"<[a-z][^<>]*[\s/\"']on[a-z]+\s*=", re.IGNORECASE)
_LINK_TO_NOWHERE = re.compile(r"<a>(.*?)</a>", re.DOTALL)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
_BLANK_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0]")
_CSS_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?|\\|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A harmless text; active: something went that would have acted in a reader's browser."""

    text: str
    active: bool


def clean_html(text: str) -> Cleaned:
    """HTML reduced to paragraphs, lists, emphasis, small headings and links to http(s) addresses."""
    cleaned = _LINK_TO_NOWHERE.sub(r"\1", _CLEANER.clean(text))
    return Cleaned(cleaned.strip(), _has_active(text))


def clean_text_or_html(text: str) -> Cleaned:
    """HTML of a text that may be plain: it is taken for HTML only when it has a tag in it."""
    return clean_html(text) if _TAG.search(text) else Cleaned(escape(text, quote=False), False)


def plain_text(text: str) -> Cleaned:
    """Text without tags; a "<" that opens no tag stays."""
    if not _TAG.search(text):
        return Cleaned(text, False)
    return Cleaned(unescape(_NO_TAGS.clean(text)).strip(), _has_active(text))


def _has_active(text: str) -> bool:
    if _HARMLESS.fullmatch(text):
        return False
    if _ACTIVE_TAG_ANYWHERE.search(text) or _HANDLER_ANYWHERE.search(text):
        return True
    finder = _ActiveFinder()
    finder.feed(text)
    finder.close()
    return finder.found


class _ActiveFinder(HTMLParser):
    """Looks for event handlers, foreign addresses and styles that load or run something."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = False
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        if any(self._is_active(tag, name, value or "") for name, value in attrs):
            self.found = True

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if self._in_style and _style_is_active(data):
            self.found = True

    def _is_active(self, tag: str, name: str, value: str) -> bool:
        if name.startswith("on") and len(name) > 2:
            return True
        if name == "srcdoc":
            return True
        if name == "style":
            return _style_is_active(value)
        if name not in URL_ATTRIBUTES:
            return False
        return _is_foreign(value, link=tag == "a" and name == "href")


def _is_foreign(url: str, *, link: bool) -> bool:
    """A link that is no http(s) address, or anything that a browser would load by itself from elsewhere."""
    address = _BLANK_IN_URL.sub("", url).replace("\\", "/").lower()
    scheme = _SCHEME.match(address)
    if link and scheme is not None:
        return scheme[0] not in {"http:", "https:"}
    return scheme is not None or address.startswith("//")


def _style_is_active(css: str) -> bool:
    plain = _CSS_ESCAPE.sub(lambda match: chr(int(match[1], 16) % 0x110000) if match[1] else "", css.lower())
    return any(
        word in plain
        for word in ("url(", "expression(", "@import", "-moz-binding", "behavior:", "javascript:")
    )
