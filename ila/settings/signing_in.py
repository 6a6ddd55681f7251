"""Signing in: how the library for it behaves, and the cache that its limits are counted in."""

from __future__ import annotations

from typing import Any

from ila.settings import environ

# Limits are counted for all web processes together, so the cache is the database: a cache in each process would let
# somebody guess once per process. Entries past this number push out the oldest keys; a job removes the expired ones.
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "core_cacheentry",
        "OPTIONS": {"MAX_ENTRIES": 200_000},
    },
}

ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
# Whether an address is known here is told to nobody: the same page follows, and the same kind of mail goes out.
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# One address per person: a new one takes the old one's place when it is confirmed, and the old one is told.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
# What decides over an account is done only within five minutes of proving once more who one is.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_RATE_LIMITS = {"signup": "10/m/ip,60/h/ip", "reset_password": "20/m/ip,5/h/key"}
ACCOUNT_FORMS = {
    "login": "accounts.forms.SignInForm",
    "signup": "accounts.forms.SignUpForm",
    "add_email": "accounts.forms.NewAddressForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "reset_password": "accounts.forms.ForgottenPasswordForm",
    "reset_password_from_key": "accounts.forms.ReplacePasswordForm",
    "reauthenticate": "accounts.forms.PasswordAgainForm",
}

MFA_ADAPTER = "accounts.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "ila"
# A telephone's clock may be half a minute wrong; a code counts once all the same (accounts.forms.OneTimeCode).
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "authenticate": "accounts.forms.FactorForm",
    "reauthenticate": "accounts.forms.FactorAgainForm",
    "activate_totp": "accounts.forms.AppForm",
    "add_webauthn": "accounts.forms.PasskeyForm",
    "edit_webauthn": "accounts.forms.PasskeyNameForm",
}
# What encrypts the secrets of authenticator apps: the first encrypts, the others still decrypt. None: the keys of the
# installation (SECRET_KEY and its fallbacks) do.
FACTOR_KEY_SECRETS: list[str] = environ.words("FACTOR_KEY_SECRETS")

USERSESSIONS_TRACK_ACTIVITY = True
CSRF_FAILURE_VIEW = "accounts.views.refused.form_too_old"
