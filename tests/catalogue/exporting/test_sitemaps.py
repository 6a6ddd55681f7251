"""What search engines are told: every public entry, at the platform's own address, in parts."""

import pytest
from django.test import Client
from lxml import etree

from catalogue.exporting.sitemaps import EntrySitemap
from tests.catalogue.exporting.conftest import make_entry
from tests.factories.catalogue import MicroCredentialFactory
from tests.support.queries import captured_queries

pytestmark = pytest.mark.django_db
NS = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def addresses(client: Client, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200
    return [str(node.text) for node in etree.fromstring(answer.content).iterfind(".//s:loc", NS)]


def test_every_public_entry_is_on_the_map(client: Client) -> None:
    one = make_entry()
    MicroCredentialFactory.create(draft=True)
    assert addresses(client, "/sitemap.xml") == [
        "https://ila.example/sitemap-pages.xml",
        "https://ila.example/sitemap-entries.xml",
    ]
    assert addresses(client, "/sitemap-entries.xml") == [f"https://ila.example/catalogue/{one.pk}/"]
    assert "https://ila.example/catalogue/" in addresses(client, "/sitemap-pages.xml")


def test_a_large_register_comes_in_parts(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EntrySitemap, "limit", 2)
    for number in range(3):
        make_entry(number)
    assert addresses(client, "/sitemap.xml")[1:] == [
        "https://ila.example/sitemap-entries.xml",
        "https://ila.example/sitemap-entries.xml?p=2",
    ]
    assert len(addresses(client, "/sitemap-entries.xml?p=2")) == 1
    assert client.get("/sitemap-entries.xml?p=9").status_code == 404
    assert client.get("/sitemap-nothing.xml").status_code == 404


def test_a_map_costs_the_same_queries_whatever_is_on_it(client: Client) -> None:
    make_entry()
    with captured_queries() as few:
        client.get("/sitemap-entries.xml")
    make_entry(2)
    with captured_queries() as many:
        client.get("/sitemap-entries.xml")
    assert len(few) == len(many) <= 3, many.statements


def test_robots_are_told_where_the_map_is(client: Client) -> None:
    told = client.get("/robots.txt").content.decode()
    assert "Disallow: /agency/" in told
    assert "Disallow: /catalogue/?" in told
    assert told.endswith("Sitemap: https://ila.example/sitemap.xml\n")
