"""Addresses of the public catalogue."""

from django.urls import path

from catalogue.views import entries

urlpatterns = [
    path("catalogue/", entries.catalogue, name="catalogue"),
    path("catalogue/<int:pk>/", entries.entry, name="entry"),
]
