"""`manage.py screens`: pictures of the main pages, from the demonstration's data."""

import os
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.wsgi import get_wsgi_application
from django.db import connection
from waitress import create_server

from ila.demo import screens

FOLDER = Path(settings.BASE_DIR) / "docs" / "screens"


class Command(BaseCommand):
    """Serves the platform to itself for as long as it takes; the demonstration has to be there."""

    help = "Take pictures of the main pages into docs/screens, on a phone and on a desktop (needs Chromium)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--into", type=Path, default=FOLDER, help="the folder for the pictures (docs/screens)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connection.ensure_connection()
        executable = screens.chromium()
        if executable is None:
            raise CommandError("There is no Chromium: apt-get install chromium.")
        account = screens.learner()
        if account is None:
            raise CommandError("The demonstration is not there yet: run `manage.py demo --no-serve`.")
        wanted = list(screens.screens_of(account))
        server = create_server(get_wsgi_application(), host="127.0.0.1", port=0, threads=4, ident="")
        threading.Thread(target=server.run, daemon=True).start()
        options["into"].mkdir(parents=True, exist_ok=True)
        # The browser's library runs an event loop in this thread; Django would take its queries for asynchronous.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        try:
            files = screens.take(
                wanted,
                server=f"http://127.0.0.1:{server.effective_port}",
                folder=options["into"],
                executable=executable,
            )
        finally:
            server.close()
        for file in files:
            self.stdout.write(f"{file.name}  {file.stat().st_size // 1000} kB")
