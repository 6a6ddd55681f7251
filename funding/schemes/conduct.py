"""Rules of conduct: what no amount expresses, shown with the scheme in plain words and sanctioned by people."""

import re
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SENTENCES: Final[dict[str, Promise]] = {
    "F-11": _(
        "Your own participation in a training that you take is never paid back by the provider; an employer may "
        "pay it back."
    ),
    "F-33": _(
        "Nobody may solicit you by phone, message, e-mail or social network, unless it concerns a training "
        "that you are taking."
    ),
    "F-35": _(
        "A provider may have a part taught by another under a written and declared contract, never by one that "
        "was delisted, and the other may not pass it on."
    ),
    "N-12": _(
        "No gift, trip or device may come with a training; literature and safety equipment may. A provider is "
        "asked to stop, then removed."
    ),
    "S-09": _("After the start nothing is refunded to you in cash: it goes back to your credit."),
    "S-11": _("Your employer may not ask you to use your credit for a training that it sends you to."),
    "S-12": _(
        "A training may not be called free, funded, accredited or paid by the government; there are no lucky "
        "draws, gifts or rewards for referrals, and nobody may ask for your login."
    ),
    "S-13": _("Nobody sells a training for somebody else, or because your credit is about to expire."),
    "S-15": _(
        "You are asked about the training on its last day, and about its outcome later. Results are public."
    ),
}
"""What a person reads of each rule of conduct, by its id."""

FORBIDDEN_CLAIMS: Final[dict[str, re.Pattern[str]]] = {
    "free": re.compile(r"\b(?:free(?! of charge until)|at no cost|for nothing)\b", re.IGNORECASE),
    "funded": re.compile(r"\b(?:fully|100 ?%|government|state)?[ -]?funded\b", re.IGNORECASE),
    "accredited": re.compile(r"\baccredited\b", re.IGNORECASE),
    "paid_by_government": re.compile(r"\bpaid (?:for )?by the (?:government|state)\b", re.IGNORECASE),
    "lucky_draw": re.compile(r"\b(?:lucky draw|raffle|prize draw)\b", re.IGNORECASE),
    "gift": re.compile(r"\b(?:gifts?|giveaways?|vouchers? for friends)\b", re.IGNORECASE),
    "referral": re.compile(r"\brefer(?:ral)? (?:a friend|rewards?|bonus(?:es)?)\b", re.IGNORECASE),
    "login": re.compile(r"\b(?:your|singpass) (?:login|password)\b", re.IGNORECASE),
    "expiry": re.compile(r"\b(?:credit|money)[^.]{0,40}\b(?:expires?|expiring)\b", re.IGNORECASE),
}


def forbidden_claims(text: str) -> list[str]:
    """Which claims that marketing may not make a text contains, by their names (S-12, S-13)."""
    return [name for name, pattern in FORBIDDEN_CLAIMS.items() if pattern.search(text)]
