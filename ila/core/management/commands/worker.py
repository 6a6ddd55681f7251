"""`manage.py worker`: do the jobs that wait in the database."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from procrastinate.contrib.django import app

# Long work is of three kinds, one of each at a time (`LONG` in ila.core.jobs): two lanes are always left for the rest.
LANES = 5


class Command(BaseCommand):
    """Runs until it is told to stop; with --once until nothing is left to do."""

    help = "Do the waiting jobs, and start the periodic ones at their times."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--concurrency", type=int, default=LANES, help=f"jobs done at the same time ({LANES})"
        )
        parser.add_argument(
            "--queue", action="append", dest="queues", help="only this queue (may be repeated)"
        )
        parser.add_argument("--once", action="store_true", help="end when no job is waiting")

    def handle(self, *args: Any, **options: Any) -> None:
        # The worker's own connections know nothing of the startup check; this one makes it.
        connection.ensure_connection()
        with app.replace_connector(app.connector.get_worker_connector()) as worker_app:  # type: ignore[attr-defined]
            worker_app.run_worker(
                queues=options["queues"],
                concurrency=options["concurrency"],
                wait=not options["once"],
                install_signal_handlers=True,
                delete_jobs="successful",
            )
