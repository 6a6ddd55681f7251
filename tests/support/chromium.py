"""Whether Debian's Chromium is there, and what happens to browser tests when it is not."""

from __future__ import annotations

import os
import shutil

HOW_TO_INSTALL = "apt-get install chromium"


def chromium() -> str | None:
    """The path of Debian's Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def browser_required() -> bool:
    """Whether a missing browser fails the run instead of skipping its tests."""
    return any(os.environ.get(name, "").lower() in {"1", "true"} for name in ("CI", "ILA_REQUIRE_BROWSER"))
