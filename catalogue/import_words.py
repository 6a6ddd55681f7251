"""What stages, counts and problems of imports read like, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

FORMATS = {
    "template": _("Table of offers (CSV or XLSX)"),
    "edof": _("EDOF catalogue (XML)"),
    "etpl": _("ETPL programmes (CSV)"),
}
STAGES = {
    "checking": _("Being checked"),
    "checked": _("Checked, waiting for you"),
    "storing": _("Being stored"),
    "stored": _("Stored"),
    "discarded": _("Discarded"),
    "failed": _("Broken off"),
}
# By the stage and what it is at: an import reads the whole file before it looks at what is stored.
WORK = {
    ("checking", "read"): _("Reading and checking the file"),
    ("checking", "store"): _("Comparing with the catalogue"),
    ("storing", "read"): _("Reading the file once more"),
    ("storing", "store"): _("Storing provider by provider"),
}
WAITS = _("It waits for its turn: the workers are busy with something else, or no worker is running.")
COLOURS = {
    "checking": "blue",
    "checked": "yellow",
    "storing": "blue",
    "stored": "green",
    "discarded": "grey",
    "failed": "red",
}
COUNTS = {
    "created": _("New entries"),
    "updated": _("Changed entries"),
    "unchanged": _("Unchanged entries"),
    "rejected": _("Rejected entries"),
    "delisted": _("Delisted entries"),
}
# What is the matter, and what to do about it.
PROBLEMS = {
    "not_xml": _("The file is no readable XML. Export it again."),
    "not_csv": _("The file is no readable CSV: a column is missing, or a record is too short or too long."),
    "not_xlsx": _("The workbook cannot be read. Save it as .xlsx, without a password, or as CSV."),
    "wrong_encoding": _("The letters are not written as the file says. Save it as UTF-8."),
    "doctype": _("The file declares a document type, which is refused."),
    "wrong_root": _("This is another kind of XML file."),
    "bad_register": _("The register of providers is not usable."),
    "not_found": _("The file is no longer there."),
    "too_large": _("More than can be read at once. Split it, or save it as CSV."),
    "active_content": _("The workbook holds macros, links to other files or embedded objects."),
    "formula": _("A cell holds a formula. Paste its value instead."),
    "schema": _("The EDOF schema does not allow it."),
    "bad_siret": _("This is no valid SIRET."),
    "duplicate": _("The same number is used twice."),
    "bad_date": _("This is no day of the calendar."),
    "bad_period": _("It ends before it starts."),
    "bad_price": _("There is no price above 0."),
    "price_mismatch": _("The price is not the net price plus tax."),
    "missing_value": _("Something needed is missing."),
    "bad_value": _("This value is not one that is known."),
    "conflict": _("Two rows of one entry say different things."),
    "unknown_provider": _("The provider is not in the register."),
    "not_accredited": _("The provider is not accredited: its entries are stored and cannot be booked."),
    "name_missing": _("The register does not name the provider."),
    "price_zero": _("The price is 0: stored, and not bookable."),
    "total_mismatch": _("The parts of the price do not add up: stored, and not bookable."),
    "zip_restored": _("A leading zero was put back."),
    "cip_restored": _("A leading zero was put back."),
    "zero_restored": _("A leading zero was put back."),
    "hours_missing": _("The hours are not specified."),
    "kind_unknown": _("The kind is not known: stored as a course."),
    "html_cleaned": _("Active content was taken out of a text."),
    "guarantee_kept": _("A guarantee once given is kept."),
    "has_bookings": _("Live bookings are concerned: look at each of them."),
}
REFUSALS = {
    "not_allowed": _("Only case workers and managers of an agency may import."),
    "file_empty": _("The file is empty."),
    "file_too_large": _("The file is larger than 250 MB. Split it."),
    "register_missing": _("ETPL programmes need the register of providers beside them."),
    "not_checked": _("This import was decided about already, or is still at work."),
}
