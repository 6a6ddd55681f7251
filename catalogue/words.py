"""What the codes of the catalogue read like, in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

KINDS = {
    "rncp": _("National qualification (RNCP)"),
    "rs": _("Specific certification (RS)"),
    "clea": _("CléA"),
    "skills_assessment": _("Skills assessment"),
    "prior_learning": _("Recognition of prior learning"),
    "light_licence": _("Light driving licence"),
    "heavy_licence": _("Heavy driving licence"),
    "business_creation": _("Business creation"),
    "course": _("Course"),
    "curated_course": _("Curated course"),
}
MODES = {"in_person": _("In person"), "blended": _("Blended"), "online": _("Online")}
LEVELS = {
    "1": _("EQF level 1"),
    "2": _("EQF level 2"),
    "3": _("EQF level 3"),
    "4": _("EQF level 4"),
    "5": _("EQF level 5"),
    "6": _("EQF level 6"),
    "7": _("EQF level 7"),
    "8": _("EQF level 8"),
}
LENGTHS = {
    "day": _("a day (up to 8 hours)"),
    "week": _("a week (up to 40 hours)"),
    "month": _("a month (up to 150 hours)"),
    "quarter": _("three months (up to 450 hours)"),
    "longer": _("longer"),
}
GRADES = {"1": _("Grade 1 (the best)"), "2": _("Grade 2"), "3": _("Grade 3")}
# The broad fields of ISCED-F 2013.
FIELDS = {
    "00": _("Basic and personal skills"),
    "01": _("Education"),
    "02": _("Arts and humanities"),
    "03": _("Social sciences and media"),
    "04": _("Business, administration and law"),
    "05": _("Natural sciences and mathematics"),
    "06": _("Computing"),
    "07": _("Engineering and construction"),
    "08": _("Agriculture and veterinary"),
    "09": _("Health and welfare"),
    "10": _("Services"),
}
ACCREDITATION_STATES = {
    "draft": _("Not accredited"),
    "submitted": _("Applied for"),
    "in_review": _("In review"),
    "accredited": _("Accredited"),
    "refused": _("Refused"),
    "suspended": _("Suspended"),
    "expired": _("Expired"),
    "withdrawn": _("Withdrawn"),
}
# Why an entry or a session cannot be booked: what is the matter, and what would change it.
REASONS = {
    "not_accredited": _("The provider is not accredited today, so no public money may pay for it."),
    "delisted": _("It has left the register and takes no new bookings."),
    "recruitment_closed": _("The provider takes nobody new for it."),
    "no_dates": _("No dates are known yet. Ask the provider for some."),
    "too_late": _("It starts too soon to be booked, or has already started."),
    "price_zero": _("No price is published, so there is nothing an account could pay."),
    "total_mismatch": _("The parts of its price do not add up to the total; the provider has to correct it."),
    "name_missing": _("The register does not name the provider."),
    "session_full": _("All seats are taken."),
}
LANGUAGES = {"fr": _("French"), "en": _("English"), "de": _("German"), "nl": _("Dutch"), "es": _("Spanish")} | {
    "it": _("Italian"),
    "pt": _("Portuguese"),
    "lt": _("Lithuanian"),
    "el": _("Greek"),
    "hr": _("Croatian"),
    "zh": _("Chinese"),
}


def word(words: dict[str, Any], code: str) -> Any:
    """The words for a code; a code without words of its own is shown as it is, readable."""
    return words.get(code) or code.replace("_", " ").capitalize()
