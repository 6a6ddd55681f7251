"""What files of citizens read like: stages, faults of rows, refusals, what each column is."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

STAGES: dict[str, Promise] = {
    "checking": _("Being checked"),
    "checked": _("Checked, waiting for you"),
    "storing": _("Being stored"),
    "stored": _("Stored"),
    "discarded": _("Discarded"),
    "failed": _("Broken off"),
}
COLOURS = {
    "checking": "blue",
    "checked": "yellow",
    "storing": "blue",
    "stored": "green",
    "discarded": "grey",
    "failed": "red",
}
FAULTS: dict[str, Promise] = {
    "fields": _("The row has another number of fields than the header."),
    "missing_value": _("A name is missing, or has no letters."),
    "too_long": _("It is too long."),
    "bad_date": _("Write a whole day in the past, like 1980-02-28."),
    "unknown_kind": _("Write the kind of national number, like fr.nir or be.nn."),
    "bad_number": _("This is no valid national number of its kind."),
    "bad_value": _("This is not one of the values that the column takes."),
    "duplicate": _("The same person stands in the file twice."),
    "other_person": _("This national number is registered with another birth date."),
    "registered": _(
        "Somebody of this name and birth date is registered. Add the national number or leave it out."
    ),
}
REFUSALS: dict[str, Promise] = {
    "file_empty": _("The file is empty."),
    "file_too_large": _("The file is larger than 25 MB. Split it."),
    "not_utf8": _("The file is not text in UTF-8."),
    "invalid": _("The header is not as below, or the file is no CSV. Nothing was stored."),
    "not_checked": _("This file was decided about already, or is still at work."),
}
COLUMNS: dict[str, Promise] = {
    "given_name": _("First names, needed"),
    "family_name": _("Family name, needed"),
    "birth_date": _("Day of birth as 1980-02-28, needed"),
    "national_id_kind": _("Kind of the national number: fr.nir, be.nn"),
    "national_id": _("The national number; kept as a keyed hash alone"),
    "birth_place": _("Code of the place of birth; kept as a keyed hash alone"),
    "email": _("E-mail address; kept as a keyed hash alone"),
    "postcode": _("Postcode; kept as a keyed hash alone"),
    "status": _("One of: employed, self_employed, job_seeker, inactive …"),
    "qualification_level": _("Level of the highest qualification, 0 to 8"),
    "disabled": _("yes or no"),
    "residence": _("Country of residence, two letters: FR."),
    "citizenship": _("Citizenship, two letters: FR."),
}
