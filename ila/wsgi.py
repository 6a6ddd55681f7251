"""The entry point of a WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ila.settings.production")
os.environ.setdefault("ILA_PROCESS", "web")

application = get_wsgi_application()
