"""A scene in the live server's database, a quick way in, and pictures of pages for whoever wants to look."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.core.cache import cache
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import SignIn, User
from tests.pages.support import Scene, make_scene, signed_in

PHONE = {"width": 360, "height": 760}
DESKTOP = {"width": 1280, "height": 900}
PICTURES = os.environ.get("ILA_SCREENSHOTS", "")


@pytest.fixture
def scene(server: LiveServer) -> Scene:
    """Everybody, in the database that the live server reads."""
    cache.clear()
    return make_scene()


Enter = Callable[..., None]


@pytest.fixture
def enter(page: Page, server: LiveServer) -> Enter:
    """`enter(user, sign_in=None, again=False)`: the browser has that person's session, without the form.

    again: they have proved just now who they are, as sensitive pages ask.
    """

    def put(user: User, *, sign_in: SignIn | None = None, again: bool = False) -> None:
        client = signed_in(user, sign_in=sign_in, again=again)
        value = client.cookies[settings.SESSION_COOKIE_NAME].value
        page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": server.url, "httpOnly": True}]
        )

    return put


Check = Callable[[str], None]


@pytest.fixture
def check(page: Page) -> Check:
    """`check("name")`: at phone and desktop width nothing overflows and axe finds nothing.

    With ILA_SCREENSHOTS naming a directory, a picture of each is kept there.
    """
    axe = Axe()

    def look(name: str) -> None:
        # A click returns when the next page begins to arrive: measure it once it is there.
        page.wait_for_load_state()
        before = page.viewport_size
        for width, size in (("phone", PHONE), ("desktop", DESKTOP)):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            if PICTURES:
                page.screenshot(path=str(Path(PICTURES) / f"{name}-{width}.png"), full_page=True)
            overflow = page.locator("html").evaluate("page => page.scrollWidth - page.clientWidth")
            assert overflow <= 0, f"{name} at {size['width']} px is {overflow} px too wide"
            found = axe.run(page)
            assert found.violations_count == 0, f"{name} ({width}):\n{found.generate_report()}"
        if before is not None:
            page.set_viewport_size(before)

    return look
