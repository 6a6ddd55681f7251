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
AWARD_KINDS = {"achievement": _("Learning outcomes, assessed"), "attendance": _("Attendance")}
AWARD_STATES = {"issued": _("Valid"), "expired": _("Expired"), "revoked": _("Revoked")}
# Why an award was taken back, as everybody may read it; the ones that a person may choose.
REVOCATIONS = {
    "error": _("It was issued in error."),
    "corrected": _("It is replaced by a corrected one."),
    "superseded": _("It is replaced by the award of the learning outcomes."),
    "undone": _("The training behind it was undone."),
    "fraud": _("It was obtained by deceit."),
}
REVOCATION_CHOICES = {
    "error": _("Issued in error: there was no such result"),
    "corrected": _("Something in it is wrong: a corrected one follows by itself"),
    "fraud": _("Obtained by deceit"),
}
SHARE_DAYS = {7: _("7 days"), 30: _("30 days"), 90: _("90 days"), 365: _("a year")}
# What a verifier is told: the finding in a line, what it means, and how it is shown.
VERDICTS = {
    "valid": (_("Valid"), _("This credential is genuine, unaltered and in force today."), "good"),
    "expired": (
        _("Expired"),
        _(
            "This credential is genuine and unaltered, but its validity is over. Ask its holder for a renewal."
        ),
        "over",
    ),
    "not_yet_valid": (
        _("Not yet valid"),
        _("This credential is genuine, but its validity begins later. Check the date of your computer too."),
        "over",
    ),
    "revoked": (
        _("Revoked"),
        _("This credential was genuine, and was taken back. Do not rely on it."),
        "bad",
    ),
    "altered": (
        _("Altered"),
        _(
            "Somebody changed this credential after it was signed, or it was copied incompletely. Do not rely on it:"
            " ask for the file itself, or for a link."
        ),
        "bad",
    ),
    "forged": (
        _("Forged"),
        _(
            "This says that it comes from this platform, but no key of this platform has signed it. Do not rely on it."
        ),
        "bad",
    ),
    "distrusted": (
        _("Signed with a key that is trusted no longer"),
        _("Its holder can download it again, newly signed, from their portfolio. Do not rely on this copy."),
        "bad",
    ),
    "not_in_register": (
        _("Not in the register"),
        _("A key of this platform signed this, but the register knows no such award. Do not rely on it."),
        "bad",
    ),
    "unknown_issuer": (
        _("From another issuer"),
        _(
            "This platform did not issue this credential and cannot say whether it is genuine. Verify it where it was"
            " issued."
        ),
        "over",
    ),
    "unsigned": (
        _("Not signed"),
        _(
            "This reads like a credential, but it is not signed: anybody could have written it. Ask for the .jwt file"
            " or for the badge as a picture."
        ),
        "bad",
    ),
    "not_a_credential": (
        _("Not a credential"),
        _(
            "This is not a credential that can be read. Paste the whole text of the .jwt file, or choose that file or"
            " the badge as a picture."
        ),
        "over",
    ),
    "too_large": (
        _("Too large"),
        _("This is far too large to be a credential. Nothing of it was read."),
        "over",
    ),
    "empty_picture": (
        _("A picture without a credential"),
        _(
            "There is no credential inside this picture. Screenshots, photographs and pictures sent by messengers lose"
            " it: ask for the file itself, as it was downloaded."
        ),
        "over",
    ),
    "broken_picture": (
        _("A damaged picture"),
        _("This picture is damaged or incomplete, so nothing of it was read. Ask for the file once more."),
        "over",
    ),
    "huge_picture": (
        _("Far too large a picture"),
        _("This picture has more points than any badge. It was not opened."),
        "over",
    ),
    "packed": (
        _("Packed too tightly"),
        _(
            "What is packed into this picture would unfold to far more than a credential. It was not unpacked."
        ),
        "bad",
    ),
    "active_picture": (
        _("A picture that could run a program"),
        _(
            "This picture holds a program, an animation or a reference to something else, which no badge needs."
            " Nothing of it was run or shown. Do not open it: ask for the file itself, or for a link."
        ),
        "bad",
    ),
    "several": (
        _("More than one credential"),
        _(
            "This picture carries more than one credential, so that it could say two things. A genuine badge has one."
        ),
        "bad",
    ),
    "paper": (
        _("A certificate on paper"),
        _(
            "A PDF shows what a credential says, but anybody can change one. Read its code with a telephone or open the"
            " address beside the code: that page says what the register holds."
        ),
        "over",
    ),
}
LANGUAGES = {
    "fr": _("French"),
    "en": _("English"),
    "de": _("German"),
    "nl": _("Dutch"),
    "es": _("Spanish"),
} | {
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
