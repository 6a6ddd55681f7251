"""What own parts by bank transfer are called."""

from django.utils.translation import gettext_lazy as _

STATES = {
    "opened": _("Waiting for the transfer"),
    "paid": _("Paid"),
    "lapsed": _("Not paid in time"),
    "left": _("Given up"),
}
COLOURS = {"opened": "blue", "paid": "green", "lapsed": "grey", "left": "grey"}
