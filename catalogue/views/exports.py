"""The register to take away, an entry as linked data, and what search engines are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.sitemaps import views as sitemap_views
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from catalogue.exporting import europass, schema_org, sitemaps, tables
from catalogue.exporting.records import listed, read_entries, site_address
from ila.core import clock

CSV = "text/csv; charset=utf-8"
JSON = "application/json; charset=utf-8"
JSON_LD = "application/ld+json"


@login_not_required
@require_safe
def exports(request: HttpRequest) -> HttpResponse:
    """What can be taken away, in which form, with the meaning of every column."""
    return render(
        request,
        "catalogue/exports.html",
        {"entry_columns": tables.ENTRY_COLUMNS, "session_columns": tables.SESSION_COLUMNS},
    )


@login_not_required
@require_safe
def register_csv(request: HttpRequest) -> HttpResponseBase:
    """The register, one line an entry."""
    return _stream(request, tables.register_csv, "register.csv", CSV)


@login_not_required
@require_safe
def sessions_csv(request: HttpRequest) -> HttpResponseBase:
    """The register, one line a session."""
    return _stream(request, tables.sessions_csv, "sessions.csv", CSV)


@login_not_required
@require_safe
def register_json(request: HttpRequest) -> HttpResponseBase:
    """The register with offers and sessions."""
    return _stream(request, tables.register_json, "register.json", JSON)


@login_not_required
@require_safe
def register_europass(request: HttpRequest) -> HttpResponseBase:
    """The register in the European Learning Model."""
    return _stream(request, europass.register_document, "europass.jsonld", JSON_LD)


@login_not_required
@require_safe
def entry_jsonld(_request: HttpRequest, pk: int) -> HttpResponse:
    """One entry as schema.org has it."""
    found = listed().select_related("provider").filter(pk=pk).first()
    if found is None:
        raise Http404
    [one] = read_entries([found])
    response = JsonResponse(
        schema_org.document(one), content_type=JSON_LD, json_dumps_params={"ensure_ascii": False}
    )
    # Public facts: any page may read them.
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@login_not_required
@require_safe
def sitemap_index(request: HttpRequest) -> HttpResponse:
    """The list of sitemaps."""
    parts = [{"location": site_address(path), "last_mod": at} for path, at in sitemaps.parts()]
    return render(request, "sitemap_index.xml", {"sitemaps": parts}, content_type="application/xml")


@login_not_required
@require_safe
def sitemap(request: HttpRequest, section: str) -> HttpResponse:
    """One sitemap; `?p=2` is its second part."""
    return sitemap_views.sitemap(request, sitemaps.SITEMAPS, section=section)


@login_not_required
@require_safe
def robots(_request: HttpRequest) -> HttpResponse:
    """What search engines may visit: the catalogue, and no endless ways through its filters."""
    closed = [
        reverse("bookings"),
        "/accounts/",
        "/agency/",
        "/import/",
        "/survey/",
        f"{reverse('catalogue')}?",
    ]
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
    lines += ["", f"Sitemap: {settings.SITE_ADDRESS}{reverse('sitemap_index')}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


def _stream(
    request: HttpRequest, make: Callable[[], Iterator[str]], name: str, content_type: str
) -> HttpResponseBase:
    """A file sent while it is read: whoever only asks for its headers starts no reading."""
    stem, _, ending = name.rpartition(".")
    filename = f"{slugify(stem)}-{clock.now():%Y-%m-%d}.{ending}"
    headers: dict[str, Any] = {
        "Content-Disposition": f'attachment; filename="{filename}"',
        "Access-Control-Allow-Origin": "*",
    }
    if request.method == "HEAD":
        return HttpResponse(content_type=content_type, headers=headers)
    return StreamingHttpResponse(make(), content_type=content_type, headers=headers)
