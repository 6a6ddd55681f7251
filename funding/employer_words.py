"""What the codes of employers, their orders and lists read like."""

from django.utils.translation import gettext_lazy as _

EMPLOYER_STATES = {
    "applied": _("To be verified"),
    "verified": _("Verified"),
    "refused": _("Refused"),
    "closed": _("Closed"),
}
TOP_UP_STATES = {
    "pending": _("Waiting for the money"),
    "paid": _("Paid"),
    "allocated": _("On the accounts"),
    "failed": _("Not paid"),
    "refunded": _("Refunded"),
    "disputed": _("Disputed"),
    "charged_back": _("Charged back"),
}
REFUND_STATES = {
    "requested": _("Asked for"),
    "noted": _("To be confirmed"),
    "in_batch": _("On its way"),
    "paid": _("Paid back"),
    "refused": _("Refused"),
    "failed": _("Came back"),
}
KINDS = {
    "voluntary": _("Voluntary"),
    "supplementary": _("By collective agreement"),
    "corrective": _("Corrective"),
    "dismissal": _("After a dismissal"),
    "whistle_blower": _("For a whistle-blower"),
}
STAGES = {
    "checking": _("Being checked"),
    "checked": _("Checked"),
    "ordering": _("Being ordered"),
    "ordered": _("Ordered"),
    "discarded": _("Discarded"),
    "failed": _("Broken off"),
}
COLOURS = {
    "applied": "yellow",
    "verified": "green",
    "pending": "yellow",
    "paid": "blue",
    "allocated": "green",
    "requested": "yellow",
    "noted": "yellow",
    "checked": "blue",
    "ordered": "green",
    "checking": "yellow",
    "ordering": "yellow",
    "refused": "red",
    "failed": "red",
    "disputed": "orange",
    "charged_back": "red",
}
FINDINGS = {
    "no_reference": _("No reference"),
    "unknown_reference": _("A reference of no order"),
    "several_references": _("Several references"),
    "other_currency": _("Another currency"),
    "closed_order": _("The order is closed"),
    "closed_employer": _("The employer is not verified any more"),
    "other_payer": _("Paid from another employer's account"),
}
# What is wrong with a row, for the file to download and the page.
FAULTS = {
    "formula": _("A formula is never read: write its value"),
    "bad_amount": _("Not an amount like 1200 or 1200.50"),
    "negative_amount": _("An amount below zero"),
    "other_currency": _("Another currency than the scheme's"),
    "bad_reference": _("Not a top-up reference: look for a slip"),
    "bad_payroll": _("Not a payroll number with a birth date as 1990-12-31: look for a slip"),
    "not_matched": _("Nobody in this scheme gave that reference"),
    "same_employee_twice": _("The same employee comes twice"),
    "amount_too_large": _("More than one employee may get at once"),
    "below_least": _("Less than this kind must be"),
}
REFUSALS = {
    "not_csv": _(
        "The file is no table: it needs a header with the columns reference and amount,"
        " or payroll_number, birth_date and amount."
    ),
    "not_xlsx": _(
        "The workbook cannot be read: it needs a header with the columns reference and amount,"
        " or payroll_number, birth_date and amount."
    ),
    "wrong_encoding": _("The file is not written in UTF-8: save it as CSV UTF-8, or as a workbook."),
    "formula": _("The workbook holds a formula: paste its value instead."),
    "too_large": _("The file unpacks to more than is read: split it."),
    "active_content": _("The workbook holds macros, links or objects: save the table alone."),
    "doctype": _("The workbook holds something that is never read: save the table as CSV."),
    "file_empty": _("The file is empty. Choose the one that holds the rows, then hand it in."),
    "too_many_rows": _("The file has more than 200,000 rows: split it."),
    "changed_since": _(
        "References or payroll numbers were given or taken back since this was shown."
        " Look at what it comes to now, and confirm again."
    ),
}
