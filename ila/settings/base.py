"""What all environments share. Everything that differs between installations is read from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import structlog

from ila.core.db.setup import databases
from ila.settings import environ
from ila.settings.identity import *  # noqa: F403 - settings are built by layers
from ila.settings.personal_data import *  # noqa: F403 - settings are built by layers
from ila.settings.signing_in import *  # noqa: F403 - settings are built by layers

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = Path(os.environ.get("ILA_DATA_DIR") or BASE_DIR / ".data")

DEBUG = False
ALLOWED_HOSTS: list[str] = environ.words("ALLOWED_HOSTS")
# How many proxies of ours stand in front: so many entries of X-Forwarded-For are believed.
TRUSTED_PROXIES = int(os.environ.get("TRUSTED_PROXIES") or 0)

INSTALLED_APPS = [
    "ila.core",
    "accounts",
    "catalogue",
    "funding",
    "fraud",
    "ila.demo",
    "django_linear_migrations",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "pgtrigger",
    "procrastinate.contrib.django",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "django_htmx",
]

MIDDLEWARE = [
    # Before all others: files, errors and refusals carry the headers too.
    "ila.core.middleware.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "ila.core.middleware.OddRequestMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Deny by default: a view is open to everybody only where it says so (`login_not_required`).
    "accounts.middleware.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.SecondFactorMiddleware",
    "accounts.middleware.IdentityAgainMiddleware",
    "accounts.middleware.SessionSeenMiddleware",
    "accounts.middleware.KeptFormMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "ila.urls"
WSGI_APPLICATION = "ila.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ila.context.navigation",
            ],
        },
    },
]

# Web processes keep their connections and give up on long statements; commands and jobs may take their time.
WEB_PROCESS = os.environ.get("ILA_PROCESS") == "web"
DATABASES = databases(
    os.environ,
    conn_max_age=600 if WEB_PROCESS else 0,
    statement_timeout=os.environ.get("STATEMENT_TIMEOUT", "30s") if WEB_PROCESS else "",
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_MODULES: dict[str, str] = {}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# A password in place of a national e-identity: for demonstrations and tests alone.
STAND_IN_IDENTITY = False
LOGIN_URL = "account_login"
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
LOGIN_REDIRECT_URL = "/"

LANGUAGE_CODE = "en"
# Dutch says what a learner reads of STAP; everything else falls back to English there.
LANGUAGES = [("en", "English"), ("fr", "Français"), ("nl", "Nederlands")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT: Path | None = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "ila" / "static"]

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 60 * 60
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# Scripts, styles and pictures come from this server only; `data:` pictures are in our style sheets.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

# Where people reach the platform: links in e-mails begin with it.
SITE_ADDRESS = os.environ.get("SITE_ADDRESS", "http://127.0.0.1:8000").rstrip("/")
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "no-reply@ila.invalid")

# A consent needs a strong sign-in of the learner's own that is no older (F-32). A "this wasn't me" link works so many
# days, and the booking that it disputes has its money held so many.
CONSENT_SIGN_IN_MINUTES = int(os.environ.get("CONSENT_SIGN_IN_MINUTES", "10"))
NOT_ME_LINK_DAYS = int(os.environ.get("NOT_ME_LINK_DAYS", "30"))
DISPUTE_HOLD_DAYS = int(os.environ.get("DISPUTE_HOLD_DAYS", "90"))

# The account that pays (the default is an IBAN of the standard's own examples), and the way to its bank: an
# address, or the two folders of a transfer client. After so many hours without an answer a file is an alarm.
BANK_ACCOUNT_NAME = os.environ.get("BANK_ACCOUNT_NAME", "Individual learning accounts")
BANK_ACCOUNT_IBAN = os.environ.get("BANK_ACCOUNT_IBAN", "FR1420041010050500013M02606")
BANK_ACCOUNT_BIC = os.environ.get("BANK_ACCOUNT_BIC", "")
BANK_ACCOUNT_TOWN = os.environ.get("BANK_ACCOUNT_TOWN", "")
BANK_ACCOUNT_COUNTRY = os.environ.get("BANK_ACCOUNT_COUNTRY", "")
BANK_ADDRESS = os.environ.get("BANK_ADDRESS", "")
BANK_CREDENTIALS = os.environ.get("BANK_CREDENTIALS", "")
BANK_OUTBOX = os.environ.get("BANK_OUTBOX", "")
BANK_INBOX = os.environ.get("BANK_INBOX", "")
BANK_TIMEOUT = float(os.environ.get("BANK_TIMEOUT") or 30)
# Until this hour, in the scheme's time zone, the bank takes a file that it executes on the same day.
BANK_CUT_OFF = os.environ.get("BANK_CUT_OFF") or "15:00"
# So many working days a seat and rights are kept for a learner whose own part is on its way by bank transfer.
OWN_TRANSFER_DAYS = int(os.environ.get("OWN_TRANSFER_DAYS") or 3)
BANK_SILENCE_HOURS = int(os.environ.get("BANK_SILENCE_HOURS") or 24)

# Cards and direct debits by Stripe: the key of the account, the account's id, and the secrets that its webhooks are
# signed with (the new and the old one while they are changed). Without a key all is paid by bank transfer.
STRIPE_SECRET_KEY = os.environ.get("STRIPE_SECRET_KEY", "")
STRIPE_ACCOUNT = os.environ.get("STRIPE_ACCOUNT", "")
STRIPE_WEBHOOK_SECRETS: list[str] = environ.words("STRIPE_WEBHOOK_SECRETS")
STRIPE_ADDRESS = os.environ.get("STRIPE_ADDRESS", "")
STRIPE_TIMEOUT = float(os.environ.get("STRIPE_TIMEOUT") or 10)
# Whether providers may choose to be paid into an account at Stripe (Connect) instead of one at a bank.
STRIPE_CONNECT = environ.boolean("STRIPE_CONNECT", default=False)

# What keeps the keys that sign credentials: the first secret encrypts, the others still decrypt. None: nothing is
# awarded.
AWARD_KEY_SECRETS: list[str] = environ.words("AWARD_KEY_SECRETS")

# The key of the hashes by which the facts of fraud detection compare contact data; never changed, or nothing matches
# what was told before. Without it one is made from SECRET_KEY.
FRAUD_FACTS_SECRET = os.environ.get("FRAUD_FACTS_SECRET", "")

# What providers hand in is kept here, by its hash: a folder that no web server serves.
DOCUMENTS_DIR = Path(os.environ.get("DOCUMENTS_DIR") or DATA_DIR / "documents")
# Whom to ask whether a name belongs to an account (Verification of Payee); without an address nobody is asked.
PAYEE_ADDRESS = os.environ.get("PAYEE_ADDRESS", "")
PAYEE_TOKEN = os.environ.get("PAYEE_TOKEN", "")
PAYEE_TIMEOUT = float(os.environ.get("PAYEE_TIMEOUT") or 5)
STAND_IN_PAYEES = False
# How long everybody may object before a provider is paid into another account, and for how long addresses that were
# replaced are still told of it.
PAYEE_COOLING_DAYS = int(os.environ.get("PAYEE_COOLING_DAYS") or 7)
PAYEE_LOOK_BACK_DAYS = int(os.environ.get("PAYEE_LOOK_BACK_DAYS") or 60)

PROCRASTINATE_DATABASE_ALIAS = "default"
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "tasks"

LOG_LEVEL = os.environ.get("LOG_LEVEL", "INFO").upper()
_SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
structlog.configure(
    processors=[*_SHARED_PROCESSORS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
            "foreign_pre_chain": _SHARED_PROCESSORS,
        },
    },
    # Standard error: standard output belongs to the commands' results.
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        **{
            name: {"handlers": ["stderr"], "level": LOG_LEVEL, "propagate": False}
            for name in ("ila", "accounts", "catalogue", "funding", "fraud")
        },
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        # Statements hold personal data; they are never logged, whatever the level asked for.
        "django.db.backends": {"handlers": [], "level": "CRITICAL", "propagate": False},
        "procrastinate": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
