"""All feeds, those first that others stand on."""

from __future__ import annotations

from fraud.services.feeds import casework, offer, people, rules, training
from fraud.services.feeds.feed import Feed

FEEDS: tuple[Feed, ...] = (
    people.LEARNERS,
    people.PROVIDERS,
    people.EMPLOYERS,
    people.PERSONS,
    offer.VENUES,
    rules.SCHEME,
    offer.CREDENTIALS,
    offer.PRICES,
    offer.SLOTS,
    offer.SESSIONS,
    training.BOOKINGS,
    training.EVENTS,
    training.ATTENDANCE,
    people.CONTACT_CHANGES,
    people.LOGINS,
    training.CREDITS,
    rules.LIMITS,
    casework.SURVEYS,
    casework.PLACES,
    casework.BLACKLIST,
)
