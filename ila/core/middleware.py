"""Headers that every answer carries, and requests that no page of ours makes."""

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse

# Keys of our tables are no larger.
_LARGEST_KEY = 2**63 - 1
_PERMISSIONS = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()"


class SecurityHeadersMiddleware:
    """Tells the browser to load nothing from elsewhere; a view that set a stricter policy keeps it.

    It comes before all others, so that files, errors and refusals of theirs carry the headers too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", settings.SECURE_REFERRER_POLICY)
        return response


class OddRequestMiddleware:
    """Refuses what the database could only answer with an error: null bytes, and keys larger than any of ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: object, _args: object, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Raises: BadRequest (400) for a null byte, Http404 for a key that nothing can have."""
        if any(isinstance(value, int) and value > _LARGEST_KEY for value in kwargs.values()):
            raise Http404
        if any("\x00" in text for text in _texts(request)):
            raise BadRequest("A null byte.")
        return None


def _texts(request: HttpRequest) -> Iterator[str]:
    yield request.path
    for data in (request.GET, request.POST):
        for name, values in data.lists():
            yield name
            yield from (str(value) for value in values)
