"""Addresses of the public catalogue."""

from django.urls import include, path

from catalogue.views import entries

urlpatterns = [
    path("", include("catalogue.exchange_urls")),
    path("catalogue/", entries.catalogue, name="catalogue"),
    path("catalogue/<int:pk>/", entries.entry, name="entry"),
]
