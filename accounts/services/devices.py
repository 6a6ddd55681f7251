"""A device in words that a person knows it by, and that millions share: "Firefox on Android"."""

from django.utils.translation import gettext as _
from ua_parser import parse

# What browsers call themselves on a phone, where people say the plain name.
_PLAIN = {"Mobile Safari": "Safari", "Firefox iOS": "Firefox", "Chrome Mobile iOS": "Chrome"}
_PLAIN_SYSTEMS = {"Mac OS X": "Mac", "Chrome OS": "ChromeOS"}
_LONGEST = 28


def in_words(header: str) -> str:
    """Browser and system of a User-Agent header, or nothing for one that says nothing; never the header itself."""
    found = parse(header[:1000]) if header else None
    browser = found.user_agent.family if found is not None and found.user_agent is not None else ""
    system = found.os.family if found is not None and found.os is not None else ""
    browser = _PLAIN.get(browser, browser.removesuffix(" Mobile"))[:_LONGEST]
    if not browser or browser == "Other":
        return ""
    system = _PLAIN_SYSTEMS.get(system, system)[:_LONGEST]
    return f"{browser} on {system}" if system and system != "Other" else browser


def said(name: str) -> str:
    """A kept name of a device in the reader's language."""
    browser, on, system = name.partition(" on ")
    if not name:
        return _("An unknown device")
    return _("%(browser)s on %(system)s") % {"browser": browser, "system": system} if on else browser
