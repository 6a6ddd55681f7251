"""Addresses of searching: the catalogue, comparing, and searches that are kept."""

from django.urls import path

from catalogue.views import compare, saved, search

urlpatterns = [
    path("catalogue/", search.catalogue, name="catalogue"),
    path("catalogue/compare/", compare.compare, name="compare"),
    path("catalogue/saved/", saved.saved_searches, name="saved_searches"),
    path("catalogue/saved/<uuid:public_id>/mails/", saved.mails, name="saved_search_mails"),
    path("catalogue/saved/<uuid:public_id>/delete/", saved.delete, name="saved_search_delete"),
    path("catalogue/saved/stop/<uuid:stop_token>/", saved.stop, name="saved_search_stop"),
]
