#!/usr/bin/env python
"""The platform's commands."""

import os
import sys

try:
    from ila.core.management.main import run
except ModuleNotFoundError as missing:
    sys.exit(f"{missing}: run `make .venv`, then `.venv/bin/python manage.py`.")


def main() -> int:
    """Run one command; errors are one line on standard error and exit status 1, wrong usage is 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ila.settings.dev")
    if len(sys.argv) > 1 and sys.argv[1] in {"serve", "runserver"}:
        os.environ.setdefault("ILA_PROCESS", "web")
    return run(sys.argv)


if __name__ == "__main__":
    sys.exit(main())
