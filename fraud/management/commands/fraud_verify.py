"""Checks a dossier against its manifest."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fraud.services.dossiers import faults_of


class Command(BaseCommand):
    help = "Check a dossier of a case: every file against the manifest, and the chain of its records."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dossier", type=Path)

    def handle(self, *_args: Any, dossier: Path, **_options: Any) -> None:
        try:
            with dossier.open("rb") as source:
                found = list(faults_of(source))
        except OSError as error:
            raise CommandError(f"{dossier}: {error.strerror}") from error
        if found:
            raise CommandError("\n".join(found))
        self.stdout.write("The dossier is as it was made.")
