"""Addresses of debts, of bank and books side by side, and of a provider's statement and advices."""

from django.urls import path

from funding.views import agency_cards, never_held, reconciliation, recoveries, remittances

urlpatterns = [
    path("agency/receivables/", recoveries.receivable_list, name="agency_receivables"),
    path("agency/receivables/aged.csv", recoveries.aged_csv, name="agency_aged_csv"),
    path("agency/receivables/<int:pk>/", recoveries.receivable_detail, name="agency_receivable"),
    path("agency/receivables/<int:pk>/letter.pdf", recoveries.letter, name="agency_receivable_letter"),
    path("agency/receivables/transfers/<int:pk>/", recoveries.receipt_settle, name="agency_recovery"),
    path(
        "agency/sessions/<int:session_id>/never-held/",
        never_held.session_never_held,
        name="agency_session_never_held",
    ),
    path("agency/bookings/<uuid:public_id>/share/", never_held.reduce_service, name="agency_reduce_service"),
    path("agency/bookings/<uuid:public_id>/take-back/", never_held.take_back, name="agency_take_back"),
    path("agency/cards/", agency_cards.overview, name="agency_cards"),
    path("agency/cards/<uuid:public_id>/", agency_cards.payment, name="agency_card_payment"),
    path("agency/reconciliation/", reconciliation.overview, name="reconciliation"),
    path("agency/reconciliation/days.csv", reconciliation.overview_csv, name="reconciliation_csv"),
    path(
        "agency/reconciliation/stripe/<str:on>/<str:currency>/",
        reconciliation.stripe_day,
        name="reconciliation_stripe_day",
    ),
    path(
        "agency/reconciliation/<str:on>/<str:currency>/",
        reconciliation.day,
        name="reconciliation_day",
    ),
    path("provider/debts/<int:pk>/", recoveries.provider_debt, name="provider_debt"),
    path("provider/debts/<int:pk>/letter.pdf", recoveries.provider_letter, name="provider_debt_letter"),
    path("provider/statement/", remittances.statement, name="provider_statement"),
    path("provider/statement.csv", remittances.statement_csv, name="provider_statement_csv"),
    path("provider/remittances/<uuid:public_id>.pdf", remittances.advice_pdf, name="remittance_pdf"),
    path("provider/remittances/<uuid:public_id>.csv", remittances.advice_csv, name="remittance_csv"),
]
