"""What signing in leaves behind, forgotten when it is over: ended sessions and counted attempts."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils import timezone

from ila.core.models import CacheEntry


def forget_expired() -> dict[str, int]:
    """Delete expired sessions with what they held, the notes of where they were, and expired cache entries.

    Network addresses and browsers are kept no longer than the session they belong to.
    """
    now = timezone.now()
    sessions, _by_model = Session.objects.filter(expire_date__lt=now).delete()
    places, _by_model = UserSession.objects.exclude(
        session_key__in=Session.objects.values("session_key")
    ).delete()
    entries, _by_model = CacheEntry.objects.filter(expires__lt=now).delete()
    return {"sessions": sessions, "places": places, "cache": entries}
