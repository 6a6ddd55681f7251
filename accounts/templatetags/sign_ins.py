"""How somebody signed in, in words."""

from __future__ import annotations

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.identity.configuration import providers

register = template.Library()

# The ways and factors of `accounts.factors.method_of`, and what stands in for an e-identity.
WAYS: dict[str, Promise] = {
    "password": gettext_lazy("password"),
    "passkey": gettext_lazy("passkey"),
    "app": gettext_lazy("authenticator app"),
    "recovery code": gettext_lazy("recovery code"),
    "factor": gettext_lazy("second factor"),
    "socialaccount": gettext_lazy("e-identity"),
    "e_identity": gettext_lazy("e-identity"),
    "stand-in e-identity": gettext_lazy("the password stood in for an e-identity"),
}


@register.filter
def sign_in_way(method: str) -> str:
    """`password+app` as "password + authenticator app"; an e-identity with the name of who vouched for it."""
    kind, _colon, name = method.partition(":")
    if kind == "e-identity" and name:
        return _("e-identity by %(name)s") % {
            "name": known.name if (known := providers().get(name)) else name
        }
    return " + ".join(str(WAYS.get(part, part)) for part in method.split("+"))
