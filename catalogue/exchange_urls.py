"""Addresses of what goes in and out: open data, imports, stacks of credentials, surveys."""

from django.urls import path, re_path

from catalogue.views import exports, imports, stacks, surveys

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
    path("import/", imports.imports, name="imports"),
    re_path(r"^import/template\.(?P<ending>csv|xlsx)$", imports.import_template, name="import_template"),
    path("import/<uuid:public_id>/", imports.import_run, name="import_run"),
    path("import/<uuid:public_id>/progress/", imports.import_progress, name="import_progress"),
    path("import/<uuid:public_id>/confirm/", imports.import_confirm, name="import_confirm"),
    path("import/<uuid:public_id>/discard/", imports.import_discard, name="import_discard"),
    path("import/<uuid:public_id>/report.csv", imports.import_report, name="import_report"),
    path("stacks/", stacks.stacks, name="stacks"),
    path("stacks/new/", stacks.stack_new, name="stack_new"),
    path("stacks/<uuid:public_id>/", stacks.stack, name="stack"),
    path("stacks/<uuid:public_id>/retire/", stacks.stack_retire, name="stack_retire"),
    path("pathway/", stacks.pathway, name="pathway"),
    path("survey/<uuid:public_id>/", surveys.survey, name="survey"),
]
