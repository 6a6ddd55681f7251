"""Addresses of what goes in and out: open data, imports, stacks of credentials, surveys."""

from django.urls import path

from catalogue.views import exports

urlpatterns = [
    path("catalogue/<int:pk>/jsonld", exports.entry_jsonld, name="entry_jsonld"),
    path("catalogue/data/", exports.exports, name="exports"),
    path("catalogue/data/register.csv", exports.register_csv, name="register_csv"),
    path("catalogue/data/sessions.csv", exports.sessions_csv, name="sessions_csv"),
    path("catalogue/data/register.json", exports.register_json, name="register_json"),
    path("catalogue/data/europass.jsonld", exports.register_europass, name="register_europass"),
    path("sitemap.xml", exports.sitemap_index, name="sitemap_index"),
    path("sitemap-<slug:section>.xml", exports.sitemap, name="sitemap"),
    path("robots.txt", exports.robots, name="robots"),
]
