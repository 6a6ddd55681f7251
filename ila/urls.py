"""Addresses: the only module that knows every app."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from ila import views

urlpatterns = [
    path("", views.start, name="start"),
    path("health/", views.health, name="health"),
    path("language/", login_not_required(set_language), name="set_language"),
    path("accounts/", include("accounts.urls")),
    path("", include("accounts.team_urls")),
    path("", include("accounts.agency_urls")),
    path("", include("catalogue.urls")),
    path("", include("funding.urls")),
    path("", include("funding.employer_urls")),
    path("", include("funding.provider_urls")),
    path("", include("funding.recovery_urls")),
    path("", include("funding.learner_urls")),
    path("", include("accounts.personal_urls")),
    path("", include("fraud.urls")),
]
