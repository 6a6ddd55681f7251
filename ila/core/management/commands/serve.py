"""`manage.py serve`: the platform on one machine, without a web server in front."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.wsgi import get_wsgi_application
from django.db import connection
from waitress import create_server

THREADS = 8


class Command(BaseCommand):
    """Serves until it is told to stop."""

    help = "Serve the platform over HTTP."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument(
            "--port", type=int, default=8000, help="port to listen on (8000); 0 takes a free one"
        )
        parser.add_argument(
            "--threads", type=int, default=THREADS, help=f"requests served at a time ({THREADS})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connection.ensure_connection()
        connection.close()
        try:
            server = create_server(
                get_wsgi_application(),
                host=options["host"],
                port=options["port"],
                threads=options["threads"],
                ident="",
                clear_untrusted_proxy_headers=True,
            )
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {options['host']}:{options['port']}: {error.strerror}."
            ) from error
        self.stdout.write(f"Serving on http://{options['host']}:{server.effective_port}/ (Ctrl-C ends)")
        self.stdout.flush()
        server.run()
