"""The pages that search engines are told of, some thousand at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.db.models import Max, QuerySet
from django.urls import reverse

from catalogue.exporting.records import listed
from catalogue.models import MicroCredential

PER_FILE = 10_000


class _OurSitemap(Sitemap):  # type: ignore[type-arg]
    """Addresses begin as the platform's own do, whatever host the request named."""

    limit = PER_FILE

    def get_protocol(self, protocol: str | None = None) -> str:  # noqa: ARG002 - the platform's own is used
        """The protocol of the platform's address."""
        return urlsplit(settings.SITE_ADDRESS).scheme

    def get_domain(self, site: Any = None) -> str:  # noqa: ARG002 - the platform's own is used
        """The host of the platform's address."""
        return urlsplit(settings.SITE_ADDRESS).netloc


class EntrySitemap(_OurSitemap):
    """Every entry that the public register shows."""

    def items(self) -> QuerySet[MicroCredential]:
        """The entries by number."""
        return listed().only("pk", "updated_at", "state").order_by("pk")

    def location(self, item: MicroCredential) -> str:
        """The entry's page."""
        return reverse("entry", args=[item.pk])

    def lastmod(self, item: MicroCredential) -> datetime:
        """When the entry last changed."""
        return item.updated_at

    def get_latest_lastmod(self) -> datetime | None:
        """When any entry last changed, asked once."""
        latest: datetime | None = listed().aggregate(latest=Max("updated_at"))["latest"]
        return latest


class PageSitemap(_OurSitemap):
    """The pages that are always there."""

    def items(self) -> list[str]:
        """Names of addresses."""
        return ["start", "catalogue", "exports"]

    def location(self, item: str) -> str:
        """The page of that name."""
        return reverse(item)


SITEMAPS: dict[str, type[Sitemap[Any]] | Sitemap[Any]] = {"pages": PageSitemap, "entries": EntrySitemap}


def parts() -> Iterator[tuple[str, datetime | None]]:
    """The path of each sitemap, and when anything on it last changed."""
    for section, kind in SITEMAPS.items():
        one = kind() if isinstance(kind, type) else kind
        latest = one.get_latest_lastmod()
        path = reverse("sitemap", args=[section])
        for number in one.paginator.page_range:
            yield (path if number == 1 else f"{path}?p={number}"), latest
