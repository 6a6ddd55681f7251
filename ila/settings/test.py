"""The test suite: no database until the suite has made one, fast password hashes, mail kept in memory."""

from ila.core.db.setup import databases
from ila.settings.base import *  # noqa: F403 - settings are built by layers

SECRET_KEY = "for tests only"  # noqa: S105
AWARD_KEY_SECRETS = ["for tests only, but long enough to be a secret"]
BLIND_INDEX_SECRETS = ["for tests only, but long enough to find people again"]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
# An address that leads nowhere: tests/conftest.py puts the worker's own database in its place.
DATABASES = databases({"DATABASE_URL": "postgresql://nobody@/none?host=/nonexistent"})
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
STAND_IN_IDENTITY = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
