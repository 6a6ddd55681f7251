"""Files that people hand in, given out again: never shown as a page, never able to run anything."""

from urllib.parse import quote

from django.http import HttpResponse


def kept_file(content: bytes, *, media_type: str, name: str) -> HttpResponse:
    """The file as an attachment under the name it came with; whatever is in it stays inert in a browser."""
    response = HttpResponse(content, content_type=media_type)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
