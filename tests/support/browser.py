"""Browser tests: Debian's Chromium driven by Playwright against a live server of this worker."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.support.chromium import HOW_TO_INSTALL, chromium

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium per test module: while it lives, nothing else can run an event loop here."""
    path = chromium()
    if path is None:
        pytest.skip(f"no chromium: {HOW_TO_INSTALL}")
    # Inside Playwright's loop Django has other connections; one that is open outside would outlive its database.
    connections.close_all()
    # Playwright runs an event loop in this thread; Django would take ordinary queries for asynchronous ones.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield chrome
        chrome.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def server(committed_db: None) -> Iterator[LiveServer]:
    """The platform served on 127.0.0.1 from the worker's committed data; `server.url` is its address."""
    live = LiveServer("127.0.0.1")
    yield live
    live.stop()


@pytest.fixture
def page(browser: Browser, server: LiveServer) -> Iterator[Page]:
    """A fresh page on the live server: relative addresses lead there. A script error fails the test."""
    errors: list[str] = []
    context = browser.new_context(base_url=server.url, locale="en-GB")
    new = context.new_page()
    new.on("pageerror", lambda error: errors.append(str(error)))
    yield new
    context.close()
    assert not errors, f"errors in the page: {errors}"
