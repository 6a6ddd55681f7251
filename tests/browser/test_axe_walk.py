"""Every page of the table in a browser: nothing overflows on a phone or a desktop, and axe finds no barrier.

One browser session for each part; what several parts see alike is looked at once. ILA_SCREENSHOTS keeps pictures.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP, PHONE, PICTURES, Enter
from tests.pages import test_access as access
from tests.pages.support import Scene, signed_in
from tests.pages.walking import walk

pytestmark = pytest.mark.browser

things = access.things

# Who looks first looks for all who come after; these pages read differently for each.
ORDER = (
    *("anonymous", "learner", "provider", "employer", "payment_officer", "case_worker", "auditor"),
    "investigator",
    *("other_learner", "other_provider"),
)
FOR_EACH = {"start", "entry", "booking", "bookings", "award", "awards"}


def looked_at_by(part: str) -> dict[str, dict[str, int]]:
    """The rows of the table that this part looks at."""
    before = ORDER[: ORDER.index(part)]
    return {
        name: row
        for name, row in access.EXPECTED.items()
        if row[part] == 200 and (name in FOR_EACH or all(row[other] != 200 for other in before))
    }


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    wide: int = page.locator("html").evaluate("page => page.scrollWidth - page.clientWidth")
    return wide


def test_everybody_of_the_table_looks() -> None:
    assert sorted(ORDER) == sorted(access.PARTS)


@pytest.mark.parametrize("part", ORDER)
def test_no_page_has_a_barrier(
    page: Page, scene: Scene, things: access.Things, enter: Enter, part: str
) -> None:
    user = scene.people[part]
    table = looked_at_by(part)
    addresses = [
        (name, address) for name, address, _page in walk(signed_in(user), part, table, things.arguments)
    ]
    if user is not None:
        enter(user, sign_in=scene.learner.sign_in if part == "learner" else None)
    axe, faults = Axe(), []
    for name, address in addresses:
        page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
        page.goto(address)
        for width, size in (("desktop", DESKTOP), ("phone", PHONE)):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            if PICTURES:
                page.screenshot(path=str(Path(PICTURES) / f"{part}-{name}-{width}.png"), full_page=True)
            if (pixels := too_wide(page)) > 0:
                faults.append(f"{name} ({address}) is {pixels} px too wide on a {width}")
        found = axe.run(page)
        faults += [
            f"{name} ({address}): {each['id']}: {each['help']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
            for each in found.response["violations"]
        ]
    assert not faults, "\n".join(faults)
