"""Addresses of providers' own pages, and of the authority's pages about providers."""

from django.urls import path

from catalogue.views import agency_entries, agency_providers, provider_applications, provider_entries

_APPLICATION = "provider/applications/<uuid:public_id>/"
_ENTRY = "provider/entries/<int:pk>/"

urlpatterns = [
    path("provider/", provider_applications.home, name="provider_home"),
    path("provider/applications/start/", provider_applications.start, name="provider_start"),
    path(_APPLICATION, provider_applications.application, name="provider_application"),
    path(f"{_APPLICATION}submit/", provider_applications.submit, name="provider_submit"),
    path(f"{_APPLICATION}questions/<int:question>/", provider_applications.answer, name="provider_answer"),
    path(f"{_APPLICATION}<slug:step>/", provider_applications.step, name="provider_step"),
    path(
        f"{_APPLICATION}<slug:step>/<int:row>/remove/", provider_applications.remove, name="provider_remove"
    ),
    path("provider/documents/<uuid:public_id>/", provider_applications.document, name="provider_document"),
    path("provider/<int:provider>/entries/new/", provider_entries.new, name="provider_entry_new"),
    path(_ENTRY, provider_entries.entry, name="provider_entry"),
    path(f"{_ENTRY}submit/", provider_entries.submit, name="provider_entry_submit"),
    path(f"{_ENTRY}price/", provider_entries.price, name="provider_entry_price"),
    path(f"{_ENTRY}sessions/", provider_entries.add_session, name="provider_entry_sessions"),
    path(
        f"{_ENTRY}sessions/<int:session>/<slug:act>/",
        provider_entries.session_act,
        name="provider_entry_session",
    ),
    path(f"{_ENTRY}<slug:step>/", provider_entries.step, name="provider_entry_step"),
    path("agency/providers/", agency_providers.queue, name="agency_providers"),
    path("agency/providers/<uuid:public_id>/", agency_providers.application, name="agency_application"),
    path(
        "agency/providers/<uuid:public_id>/<slug:act>/",
        agency_providers.act,
        name="agency_application_act",
    ),
    path("agency/accreditations/", agency_providers.accreditations, name="agency_accreditations"),
    path("agency/accreditations/<int:pk>/", agency_providers.accreditation, name="agency_accreditation"),
    path(
        "agency/accreditations/<int:pk>/<slug:act>/",
        agency_providers.accreditation_act,
        name="agency_accreditation_act",
    ),
    path("agency/entries/", agency_entries.queue, name="agency_entries"),
    path("agency/entries/<int:pk>/", agency_entries.entry, name="agency_entry"),
    path("agency/entries/<int:pk>/<slug:act>/", agency_entries.act, name="agency_entry_act"),
]
