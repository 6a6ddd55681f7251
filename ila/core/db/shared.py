"""The one embedded server of this process, when there is no DATABASE_URL."""

from __future__ import annotations

import functools

from django.conf import settings

from ila.core.db.embedded import EmbeddedServer


@functools.cache
def _server() -> EmbeddedServer:
    return EmbeddedServer(settings.DATA_DIR / "postgres")


def embedded_server() -> EmbeddedServer:
    """The running server under `.data/`, started when needed and stopped by the last process that used it."""
    return _server().start()
