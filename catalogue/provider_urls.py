"""Addresses of providers' own pages, and of the authority's pages about providers."""

from django.urls import path

from catalogue.views import (
    agency_changes,
    agency_entries,
    agency_providers,
    provider_account,
    provider_applications,
    provider_details,
    provider_entries,
    provider_stripe,
)

_APPLICATION = "provider/applications/<uuid:public_id>/"
_ENTRY = "provider/entries/<int:pk>/"
_PROVIDER = "provider/<int:provider>/"
_CHANGE = "agency/changes/accounts/<uuid:public_id>/"

urlpatterns = [
    path("provider/", provider_applications.home, name="provider_home"),
    path("provider/join/", provider_applications.join, name="provider_join"),
    path("provider/applications/start/", provider_applications.start, name="provider_start"),
    path(_APPLICATION, provider_applications.application, name="provider_application"),
    path(f"{_APPLICATION}submit/", provider_applications.submit, name="provider_submit"),
    path(f"{_APPLICATION}withdraw/", provider_applications.withdraw, name="provider_withdraw"),
    path(f"{_APPLICATION}questions/<int:question>/", provider_applications.answer, name="provider_answer"),
    path(f"{_APPLICATION}<slug:step>/", provider_applications.step, name="provider_step"),
    path(
        f"{_APPLICATION}<slug:step>/<int:row>/remove/", provider_applications.remove, name="provider_remove"
    ),
    path("provider/documents/<uuid:public_id>/", provider_applications.document, name="provider_document"),
    path(f"{_PROVIDER}entries/new/", provider_entries.new, name="provider_entry_new"),
    path(f"{_PROVIDER}account/", provider_account.account, name="provider_account"),
    path(f"{_PROVIDER}account/stripe/", provider_stripe.account_at_stripe, name="provider_stripe"),
    path(
        f"{_PROVIDER}account/<uuid:public_id>/<slug:act>/",
        provider_account.account_act,
        name="provider_account_act",
    ),
    path("provider/account/objection/<str:token>/", provider_account.objection, name="account_objection"),
    path(f"{_PROVIDER}details/", provider_details.overview, name="provider_details"),
    path(f"{_PROVIDER}details/<int:pk>/", provider_details.detail, name="provider_detail"),
    path(f"{_PROVIDER}details/<slug:kind>/", provider_details.new, name="provider_detail_new"),
    path(_ENTRY, provider_entries.entry, name="provider_entry"),
    path(f"{_ENTRY}submit/", provider_entries.submit, name="provider_entry_submit"),
    path(f"{_ENTRY}price/", provider_entries.price, name="provider_entry_price"),
    path(f"{_ENTRY}sessions/", provider_entries.add_session, name="provider_entry_sessions"),
    path(
        f"{_ENTRY}sessions/<int:session>/<slug:act>/",
        provider_entries.session_act,
        name="provider_entry_session",
    ),
    path(f"{_ENTRY}places/", provider_entries.add_place, name="provider_entry_places"),
    path(
        f"{_ENTRY}places/<int:offer>/remove/",
        provider_entries.remove_place,
        name="provider_entry_place_remove",
    ),
    path(
        f"{_ENTRY}version/withdraw/",
        provider_entries.withdraw_version,
        name="provider_entry_version_withdraw",
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
    path("agency/changes/", agency_changes.queue, name="agency_changes"),
    path("agency/changes/details/<int:pk>/<slug:act>/", agency_changes.detail_act, name="agency_detail_act"),
    path(_CHANGE, agency_changes.account_change, name="agency_account_change"),
    path(f"{_CHANGE}<slug:act>/", agency_changes.account_change_act, name="agency_account_change_act"),
    path("agency/entries/", agency_entries.queue, name="agency_entries"),
    path("agency/entries/<int:pk>/", agency_entries.entry, name="agency_entry"),
    path("agency/entries/<int:pk>/<slug:act>/", agency_entries.act, name="agency_entry_act"),
]
