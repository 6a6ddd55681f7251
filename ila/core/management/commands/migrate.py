"""`manage.py migrate`: prepare the database as its owner, and give the application role its rights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django_fsm
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections
from django.dispatch import Signal

from ila.core.db import grants
from ila.core.db.rendering import models_rendered_once
from ila.core.db.roles import application_role

OWNER_ALIAS = "owner"
# One number for every preparation of one database: two commands at once wait for each other.
_ADVISORY_LOCK = 0x696C61


class Command(migrate.Command):
    """Django's command, on the owner's connection, followed by the grants."""

    help = (
        "Prepare the database: apply migrations as its owner, create the application role, grant its rights."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=OWNER_ALIAS)

    def handle(self, *args: Any, **options: Any) -> None:
        # Whoever calls the command without saying where means the database, and only the owner may change it.
        options["database"] = OWNER_ALIAS
        if options.get("plan") or options.get("check_unapplied"):
            super().handle(*args, **options)
            return
        connection = connections[OWNER_ALIAS]
        with _alone():
            with _history_without_machines(), models_rendered_once():
                super().handle(*args, **options)
            name, password = _application_role()
            created = grants.ensure_application_role(connection, name, password)
            grants.keep_triggers_awake(connection)
            grants.grant_rights(connection, name)
            former = grants.revoke_former_roles(connection, name)
        if options["verbosity"] >= 1:
            self.stdout.write(f"Application role {name}: {'created, ' if created else ''}rights granted.")
            if former:
                self.stdout.write(f"Rights taken from former application roles: {', '.join(former)}.")


def _application_role() -> tuple[str, str]:
    default, owner = connections["default"].settings_dict, connections[OWNER_ALIAS].settings_dict
    derived = application_role({"user": owner["USER"], "password": owner["PASSWORD"]})
    if default["USER"] == derived[0]:
        return derived
    if default["USER"] == owner["USER"]:
        raise CommandError("DATABASE_APP_URL must name another role than DATABASE_URL.")
    return default["USER"], default["PASSWORD"]


@contextmanager
def _history_without_machines() -> Iterator[None]:
    """Let the state fields of migrations' models listen to nobody: those models have no transitions.

    Each such field would hear of every class that is made afterwards, which took a third of the command's time.
    """
    heard = django_fsm.class_prepared
    django_fsm.class_prepared = Signal()
    try:
        yield
    finally:
        django_fsm.class_prepared = heard


@contextmanager
def _alone() -> Iterator[None]:
    connection = connections[OWNER_ALIAS]
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(%s)", [_ADVISORY_LOCK])
        cursor.execute("RESET lock_timeout")
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_ADVISORY_LOCK])
