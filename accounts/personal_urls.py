"""Addresses of what a person asks of the data about them."""

from django.urls import path

from accounts.views import personal_data

urlpatterns = [
    path("account/data/", personal_data.personal_data, name="personal_data"),
    path("account/data/copy/", personal_data.copy_ask, name="copy_ask"),
    path("account/data/copy/<uuid:public_id>/", personal_data.copy_download, name="copy_download"),
    path("account/data/erase/", personal_data.erasure_ask, name="erasure_ask"),
    path(
        "account/data/erase/<uuid:public_id>/back/", personal_data.erasure_take_back, name="erasure_take_back"
    ),
    path("agency/erasures/", personal_data.erasure_list, name="erasures"),
]
