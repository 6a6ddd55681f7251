"""Addresses of bookings and of the agency's books. Bookings go by their public id alone."""

from django.urls import path

from funding.views import (
    audit,
    batches,
    bookings,
    laboratory,
    operations,
    scheme_drafts,
    schemes,
    windows,
    windows_agency,
)

urlpatterns = [
    path("bookings/", bookings.booking_list, name="bookings"),
    path("bookings/<uuid:public_id>/", bookings.booking_detail, name="booking"),
    path("bookings/<uuid:public_id>/accept/", bookings.accept, name="booking_accept"),
    path("bookings/<uuid:public_id>/refuse/", bookings.refuse, name="booking_refuse"),
    path("windows/", windows.window_list, name="windows"),
    path("windows/<int:pk>/", windows.window_detail, name="window"),
    path("windows/<int:pk>/place/", windows.place_take, name="place_take"),
    path("windows/<int:pk>/leave/", windows.place_leave, name="place_leave"),
    path("windows/<int:pk>/waiting/", windows.waiting_room, name="waiting_room"),
    path("windows/<int:pk>/sessions/", windows.session_choice, name="window_sessions"),
    path("windows/<int:pk>/apply/<int:session_id>/", windows.application, name="window_apply"),
    path("windows/<int:pk>/result/", windows.result, name="window_result"),
    path("windows/<int:pk>/grants/", windows.grants, name="window_grants"),
    path("windows/<int:pk>/grants.csv", windows.grants_csv, name="window_grants_csv"),
    path("agency/windows/", windows_agency.window_list, name="agency_windows"),
    path("agency/windows/open/", windows_agency.window_open, name="agency_window_open"),
    path("agency/windows/<int:pk>/", windows_agency.window_run, name="agency_window"),
    path("schemes/", schemes.scheme_list, name="schemes"),
    path("schemes/<slug:code>/", schemes.scheme_page, name="scheme"),
    path("agency/schemes/", schemes.agency_list, name="agency_schemes"),
    path("agency/schemes/<slug:code>/", schemes.agency_scheme, name="agency_scheme"),
    path("agency/schemes/<slug:code>/<str:day>/file/", schemes.version_file, name="scheme_version_file"),
    path("agency/schemes/<slug:code>/<str:day>/withdraw/", schemes.withdraw_version, name="scheme_withdraw"),
    path(
        "agency/schemes/<slug:code>/<str:day>/replace/",
        scheme_drafts.draft_from_version,
        name="scheme_replace",
    ),
    path("agency/scheme-drafts/new/", scheme_drafts.new_draft, name="scheme_draft_new"),
    path("agency/scheme-drafts/<uuid:draft_id>/", scheme_drafts.draft_detail, name="scheme_draft"),
    path("agency/scheme-drafts/<uuid:draft_id>/edit/", scheme_drafts.edit_draft, name="scheme_draft_edit"),
    path(
        "agency/scheme-drafts/<uuid:draft_id>/<slug:act>/",
        scheme_drafts.act_on_draft,
        name="scheme_draft_act",
    ),
    path("agency/batches/", batches.batch_list, name="batches"),
    path("agency/batches/<str:msg_id>/", batches.batch_detail, name="batch"),
    path("agency/batches/<str:msg_id>/file/", batches.batch_file, name="batch_file"),
    path("agency/bank-messages/", batches.message_list, name="bank_messages"),
    path("agency/bank-messages/<str:sha256>/raw/", batches.message_raw, name="bank_message_raw"),
    path("agency/audit/", audit.audit, name="audit"),
    path("agency/laboratory/", laboratory.run_list, name="laboratory"),
    path("agency/laboratory/<uuid:public_id>/", laboratory.run_detail, name="laboratory_run"),
    path("agency/laboratory/<uuid:public_id>/cancel/", laboratory.cancel, name="laboratory_cancel"),
    path("agency/laboratory/<uuid:public_id>/delete/", laboratory.delete, name="laboratory_delete"),
    path("agency/laboratory/<uuid:public_id>/result.json", laboratory.result_json, name="laboratory_json"),
    path(
        "agency/laboratory/<uuid:public_id>/<slug:which>.csv", laboratory.result_csv, name="laboratory_csv"
    ),
    path(
        "agency/laboratory/<uuid:public_id>/<slug:name>.svg", laboratory.chart_svg, name="laboratory_chart"
    ),
    path("agency/operations/", operations.overview, name="operations"),
    path("agency/operations/jobs/<int:job_id>/retry/", operations.retry_job, name="job_retry"),
    path("agency/operations/reviews/<int:review_id>/close/", operations.close_review, name="review_close"),
]
