"""Addresses of the public catalogue."""

from django.urls import include, path

from catalogue.views import entries, search

urlpatterns = [
    path("", include("catalogue.exchange_urls")),
    path("catalogue/", search.catalogue, name="catalogue"),
    path("catalogue/<int:pk>/", entries.entry, name="entry"),
]
