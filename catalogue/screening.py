"""What somebody above the catalogue knows of those behind an applicant: shown to who decides, decided by nobody else.

The app that keeps a blacklist says at its start who answers (`use`). Nobody answers: nothing is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from catalogue.models import Provider

# A provider → what an officer should look at before deciding, each a label and what it is about.
Screen = Callable[[Provider], Sequence[tuple[str, str]]]

_screen: Screen | None = None


def use(screen: Screen | None) -> Screen | None:
    """Say who answers from now on; returns who did before."""
    global _screen
    before, _screen = _screen, screen
    return before


def to_look_at(provider: Provider | None) -> list[tuple[str, str]]:
    """What is known of those behind a provider."""
    return [] if _screen is None or provider is None else list(_screen(provider))
