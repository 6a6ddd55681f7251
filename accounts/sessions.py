"""Which recorded sign-in a browser session belongs to."""

from django.http import HttpRequest

from accounts.models import SignIn

# The key of the browser session that holds the id.
KEY = "sign_in_id"


def remember(request: HttpRequest, sign_in: SignIn) -> None:
    """From now on, what is done in this browser session is done under this sign-in."""
    request.session[KEY] = sign_in.pk


def sign_in_of(request: HttpRequest) -> SignIn | None:
    """The sign-in of this browser session, if it was recorded and is the user's own."""
    found = request.session.get(KEY)
    if found is None or not request.user.is_authenticated:
        return None
    return SignIn.objects.filter(pk=found, user_id=request.user.pk).first()
