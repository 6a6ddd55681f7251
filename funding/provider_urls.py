"""Addresses of a provider's daily work and money, and of learners who confirm being there."""

from django.urls import path

from funding.views import attending, provider_steps, provider_work
from funding.views import provider_attendance as attendance
from funding.views import provider_money as money
from funding.views import provider_sessions as sessions
from funding.views import provider_teaching as teaching

_SESSION = "provider/sessions/<int:session_id>/"
_DAY = f"{_SESSION}days/<str:day>/"
_REMITTANCE = "provider/payments/<str:msg_id>/"

urlpatterns = [
    path("provider/work/", provider_work.work, name="provider_work"),
    path("provider/sessions/", sessions.session_list, name="provider_sessions"),
    path(_SESSION, sessions.session_page, name="provider_session"),
    path(f"{_SESSION}days/", attendance.days, name="provider_days"),
    path(_DAY, attendance.sheet, name="provider_sheet"),
    path(f"{_DAY}code/", attendance.code, name="provider_code"),
    path(f"{_DAY}code.svg", attendance.code_picture, name="provider_code_picture"),
    path(f"{_SESSION}dates/", sessions.session_dates, name="provider_session_dates"),
    path(f"{_SESSION}teaching/", teaching.session_teaching, name="provider_session_teaching"),
    path(f"{_SESSION}move/<slug:act>/", sessions.session_move, name="provider_session_move"),
    path(f"{_SESSION}<slug:step>/", provider_steps.step, name="provider_step_all"),
    path("provider/money/", money.money, name="provider_money"),
    path("provider/money/claim/", money.claim, name="provider_claim"),
    path("provider/money/owed/", money.owed, name="provider_owed"),
    path("provider/payments/", money.payments, name="provider_payments"),
    path(_REMITTANCE, money.remittance, name="provider_remittance"),
    path(f"{_REMITTANCE}advice.csv", money.remittance_csv, name="provider_remittance_csv"),
    path(f"{_REMITTANCE}advice.pdf", money.remittance_pdf, name="provider_remittance_pdf"),
    path(
        "bookings/<uuid:public_id>/certificates/<int:certificate_id>/",
        attendance.certificate_file,
        name="certificate_file",
    ),
    path("attend/", attending.attend_code, name="attend_code"),
    path("attend/<str:token>/", attending.attend, name="attend"),
]
