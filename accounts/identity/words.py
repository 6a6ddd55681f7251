"""What a person reads when an e-identity did not prove them, and what clerks read of claims."""

from typing import Any

from django.utils.translation import gettext_lazy as _

# code: (title, what happened, HTTP status)
ERRORS: dict[str, tuple[Any, Any, int]] = {
    "no_answer": (
        _("The identity service does not answer"),
        _("The identity service does not answer, or not as it should. Nothing was changed. Try again later."),
        503,
    ),
    "not_believed": (
        _("We could not check the answer"),
        _(
            "The answer of the identity service did not pass our checks, so we did not use it. Nothing was "
            "changed. Try again."
        ),
        400,
    ),
    "too_weak": (
        _("A stronger proof is needed"),
        _(
            "The identity service proved less than is needed here. Nothing was changed. Try again, and choose a "
            "stronger way to sign in there."
        ),
        403,
    ),
    "not_fresh": (
        _("You have to sign in once more"),
        _(
            "The identity service did not ask you to sign in just now, so it does not prove that it is you. "
            "Nothing was changed. Try again."
        ),
        403,
    ),
    "expired": (
        _("This took too long, or was done already"),
        _(
            "You took more than ten minutes, went back to an earlier page, or use another browser. Nothing was "
            "changed. Start again."
        ),
        400,
    ),
    "cancelled": (
        _("You did not prove who you are"),
        _("You stopped at the identity service. Nothing was changed. You can try again whenever you want."),
        200,
    ),
    "session_changed": (
        _("You are signed in as somebody else now"),
        _(
            "While you were at the identity service, the sign-in in this browser changed. Nothing else was changed. "
            "Start again."
        ),
        409,
    ),
    "identity_of_another": (
        _("This is not the e-identity of your account"),
        _(
            "The e-identity that you used does not belong to the person who is signed in here. Nothing was changed, "
            "and you are still signed in as before. Use your own e-identity."
        ),
        403,
    ),
    "weak_identity": (
        _("A stronger proof is needed"),
        _(
            "For the first time, we need a stronger proof of who you are. Nothing was changed. Try again, and choose "
            "a stronger way to sign in there."
        ),
        403,
    ),
    "incomplete": (
        _("The identity service told us too little"),
        _(
            "We need your names and your birth date, and the identity service did not give them. Nothing was "
            "changed. Try again and agree to share them, or use another identity service."
        ),
        403,
    ),
    "not_allowed": (
        _("This sign-in has no learning account"),
        _(
            "You are signed in for an organisation. Sign out, then sign in with your e-identity to reach your own "
            "learning account."
        ),
        403,
    ),
}

REASONS: dict[str, Any] = {
    "same_name": _("Several people of this name and birth date are registered."),
    "unconfirmed": _(
        "One person of this name and birth date is registered, and nothing else confirms that it is the same."
    ),
    "near_match": _("Somebody with a similar name or birth date is registered."),
    "already_claimed": _("The learning account of this person has a sign-in already."),
    "partial_date": _("The identity service does not know the whole birth date."),
    "contradiction": _("The national number belongs to somebody with another birth date."),
}

STATES: dict[str, Any] = {
    "opened": _("To decide"),
    "questioned": _("Waiting for the person"),
    "proposed": _("To be confirmed"),
    "matched": _("Matched"),
    "created": _("New account"),
    "refused": _("Refused"),
}

FACTS: dict[str, Any] = {
    "birth_place": _("Birth place"),
    "email": _("E-mail address"),
    "postcode": _("Postcode"),
    "national_id": _("National number"),
}

ACTS: dict[str, Any] = {
    "open": _("Opened"),
    "ask": _("Question asked"),
    "give_answer": _("Answered"),
    "propose": _("Match proposed"),
    "send_back": _("Proposal sent back"),
    "match": _("Matched"),
    "confirm": _("Match confirmed"),
    "create": _("New account made"),
    "refuse": _("Refused"),
}

REFUSALS: dict[str, Any] = {
    "not_allowed": _("This is not possible now: the claim has moved on, or another person has to do it."),
    "four_eyes": _("A second case worker has to confirm what you proposed."),
    "own_claim": _("This claim is your own: somebody else has to decide it."),
    "incomplete": _("Say why, in at most 500 characters."),
    "answer": _("Write an answer of at most 2,000 characters."),
    "birth_date": _(
        "Enter the birth date that was established. It has to fit what the identity service knows."
    ),
    "not_found": _("Choose one of the candidates."),
    "identity_of_another": _(
        "This account has an e-identity of the same service already, and it is another person's. Choose another "
        "candidate, or make a new account."
    ),
}
