"""Addresses of registering citizens in advance."""

from django.urls import path

from accounts.views import preregistrations as views

_ONE = "agency/citizens/<uuid:public_id>/"

urlpatterns = [
    path("agency/citizens/", views.preregistrations, name="preregistrations"),
    path(_ONE, views.preregistration, name="preregistration"),
    path(f"{_ONE}progress/", views.progress, name="preregistration_progress"),
    path(f"{_ONE}faults.csv", views.report, name="preregistration_report"),
    path(f"{_ONE}<slug:act>/", views.decide, name="preregistration_decide"),
]
