"""For checks of the code alone: no connection is ever tried."""

from ila.settings.test import *  # noqa: F403 - settings are built by layers


class NoDatabase:
    """Nothing is migrated here, so nobody asks the database how far it is."""

    def allow_migrate(self, _db: str, _app_label: str, **_hints: object) -> bool:
        """Never."""
        return False


DATABASE_ROUTERS = [NoDatabase()]
