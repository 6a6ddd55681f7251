"""Addresses of investigators, and of whom they write to."""

from django.urls import path

from fraud.views import (
    alerts,
    cases,
    desk,
    drift,
    fairness,
    holds,
    places,
    provider_holds,
    provider_letters,
    reports,
    surveys,
    tuning,
)

urlpatterns = [
    path("agency/fraud/", desk.desk, name="fraud_desk"),
    path("agency/fraud/facts/", desk.feed_list, name="fraud_feeds"),
    path("agency/fraud/fairness/", fairness.fairness_report, name="fraud_fairness"),
    path("agency/fraud/alerts/", alerts.alert_list, name="fraud_alerts"),
    path("agency/fraud/alerts/<uuid:public_id>/", alerts.alert_detail, name="fraud_alert"),
    path(
        "agency/fraud/alerts/<uuid:public_id>/pictures/<slug:name>/",
        alerts.alert_picture,
        name="fraud_alert_picture",
    ),
    path("agency/fraud/alerts/<uuid:public_id>/<slug:code>/", alerts.alert_step, name="fraud_alert_step"),
    path("agency/fraud/cases/", desk.case_list, name="fraud_cases"),
    path("agency/fraud/cases/<uuid:public_id>/", cases.case_detail, name="fraud_case"),
    path("agency/fraud/cases/<uuid:public_id>/dossier/", cases.case_dossier, name="fraud_case_dossier"),
    path(
        "agency/fraud/cases/<uuid:public_id>/documents/<uuid:document_id>/",
        cases.case_document,
        name="fraud_case_document",
    ),
    path(
        "agency/fraud/cases/<uuid:public_id>/pictures/<slug:name>/",
        cases.case_picture,
        name="fraud_case_picture",
    ),
    path("agency/fraud/cases/<uuid:public_id>/steps/<slug:code>/", cases.case_step, name="fraud_case_step"),
    path("agency/fraud/holds/", holds.hold_list, name="fraud_holds"),
    path("agency/fraud/holds/release/", holds.holds_release, name="fraud_holds_release"),
    path("agency/fraud/holds/<int:pk>/", holds.hold_detail, name="fraud_hold"),
    path(
        "agency/fraud/holds/<int:pk>/documents/<uuid:public_id>/",
        holds.hold_document,
        name="fraud_hold_document",
    ),
    path("agency/fraud/holds/<int:pk>/<slug:code>/", holds.hold_step, name="fraud_hold_step"),
    path("agency/fraud/places/", places.place_list, name="fraud_places"),
    path("agency/fraud/places/new/", places.place_new, name="fraud_place_new"),
    path("agency/fraud/places/<uuid:public_id>/", places.place_detail, name="fraud_place"),
    path("agency/fraud/places/<uuid:public_id>/<slug:code>/", places.place_step, name="fraud_place_step"),
    path("agency/fraud/measures/<uuid:public_id>/", cases.measure_detail, name="fraud_measure"),
    path(
        "agency/fraud/measures/<uuid:public_id>/<slug:code>/", cases.measure_step, name="fraud_measure_step"
    ),
    path("agency/fraud/reports/", reports.report_list, name="fraud_reports"),
    path("bookings/<uuid:public_id>/problem/", reports.report, name="fraud_report"),
    path("agency/fraud/tuning/", tuning.overview, name="fraud_tuning"),
    path("agency/fraud/tuning/control/", drift.control_detail, name="fraud_control"),
    path("agency/fraud/tuning/drift/", drift.drift_list, name="fraud_drift"),
    path("agency/fraud/tuning/drift/<slug:detector>/", drift.drift_detail, name="fraud_drift_detector"),
    path("agency/fraud/tuning/drift/<slug:detector>/chart/", drift.drift_chart, name="fraud_drift_chart"),
    path("agency/fraud/tuning/detectors/<slug:detector>/", tuning.detector_detail, name="fraud_detector"),
    path("agency/fraud/tuning/detectors/<slug:detector>/propose/", tuning.propose, name="fraud_propose"),
    path("agency/fraud/tuning/back-tests/<uuid:public_id>/", tuning.back_test_detail, name="fraud_back_test"),
    path("agency/fraud/tuning/values/<uuid:public_id>/", tuning.rule_detail, name="fraud_rule"),
    path(
        "agency/fraud/tuning/values/<uuid:public_id>/<slug:code>/", tuning.rule_step, name="fraud_rule_step"
    ),
    path("provider/holds/", provider_holds.hold_list, name="provider_holds"),
    path("provider/holds/<int:pk>/", provider_holds.hold, name="provider_hold"),
    path("provider/letters/", provider_letters.letter_list, name="provider_letters"),
    path("provider/letters/<uuid:public_id>/", provider_letters.letter_detail, name="provider_letter"),
    path("provider/questions/<uuid:public_id>/", provider_letters.question, name="provider_question"),
    path("provider/measures/<uuid:public_id>/", provider_letters.measure, name="provider_measure"),
    path("account/surveys/<uuid:public_id>/", surveys.survey, name="fraud_survey"),
]
