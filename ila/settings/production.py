"""Production: everything secret comes from the environment, and only HTTPS is spoken."""

import os

from ila.settings import environ
from ila.settings.base import *  # noqa: F403 - settings are built by layers
from ila.settings.base import TRUSTED_PROXIES

DEBUG = False
SECRET_KEY = environ.required("SECRET_KEY")
SECRET_KEY_FALLBACKS = environ.words("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = environ.words("ALLOWED_HOSTS", default=environ.required("ALLOWED_HOSTS"))
CSRF_TRUSTED_ORIGINS = environ.words("CSRF_TRUSTED_ORIGINS")
environ.required("DATABASE_URL")
# No example account here: without one of its own, production pays nothing.
BANK_ACCOUNT_IBAN = os.environ.get("BANK_ACCOUNT_IBAN", "")

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_NAME = "__Host-csrf"
SECURE_SSL_REDIRECT = environ.boolean("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = int(os.environ.get("SECURE_HSTS_SECONDS") or 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT") or 25)
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = environ.boolean("EMAIL_USE_TLS", default=False)
