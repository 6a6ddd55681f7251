"""Development and the demonstration: one machine, its own key and its own database."""

from ila.settings import environ
from ila.settings.base import *  # noqa: F403 - settings are built by layers
from ila.settings.base import DATA_DIR

DEBUG = environ.boolean("DEBUG", default=False)
SECRET_KEY = environ.secret_key_file(DATA_DIR / "secret_key")
AWARD_KEY_SECRETS = environ.words("AWARD_KEY_SECRETS") or [
    environ.secret_key_file(DATA_DIR / "award_key_secret")
]
BLIND_INDEX_SECRETS = environ.words("BLIND_INDEX_SECRETS") or [
    environ.secret_key_file(DATA_DIR / "blind_index_secret")
]
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *environ.words("ALLOWED_HOSTS")]
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = DATA_DIR / "mail"
# Static files are found in the apps: nothing has to be collected first.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
# Strong sign-in without a national e-identity to reach: STAND_IN_IDENTITY=0 shows the platform without it.
STAND_IN_IDENTITY = environ.boolean("STAND_IN_IDENTITY", default=True)
# Nobody's bank is asked here: the answer is in the name (`catalogue.payees`).
STAND_IN_PAYEES = environ.boolean("STAND_IN_PAYEES", default=True)
# Passkeys work on http://localhost too; production takes them from https alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
