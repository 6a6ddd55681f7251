"""Addresses of employers, of the agency's pages about them, and of what learners see of their money."""

from django.urls import path

from funding.views import employer_lists as lists
from funding.views import employers, employers_agency, my_top_ups, stripe

urlpatterns = [
    path("employer/", employers.home, name="employer_home"),
    path("employer/register/", employers.register, name="employer_register"),
    path("employer/list.csv", lists.list_template, name="employer_list_template"),
    path("employer/lists/<uuid:public_id>/", lists.draft_page, name="employer_draft"),
    path("employer/lists/<uuid:public_id>/progress/", lists.draft_progress, name="employer_draft_progress"),
    path("employer/lists/<uuid:public_id>/left-out.csv", lists.draft_faults, name="employer_draft_faults"),
    path("employer/lists/<uuid:public_id>/confirm/", lists.draft_confirm, name="employer_draft_confirm"),
    path("employer/lists/<uuid:public_id>/discard/", lists.draft_discard, name="employer_draft_discard"),
    path("employer/top-ups/<uuid:public_id>/", employers.top_up_page, name="employer_top_up"),
    path("employer/top-ups/<uuid:public_id>/code.svg", employers.top_up_code, name="employer_top_up_code"),
    path("employer/top-ups/<uuid:public_id>/cancel/", employers.top_up_cancel, name="employer_top_up_cancel"),
    path("employer/top-ups/<uuid:public_id>/refund/", employers.top_up_refund, name="employer_top_up_refund"),
    path("employer/top-ups/<uuid:public_id>/card/", stripe.top_up_pay, name="employer_top_up_card"),
    path(
        "employer/top-ups/<uuid:public_id>/card-refund/",
        stripe.top_up_refund,
        name="employer_top_up_card_refund",
    ),
    path("payments/<uuid:public_id>/", stripe.payment_page, name="card_payment"),
    path("payments/<uuid:public_id>/open/", stripe.payment_open, name="card_payment_open"),
    path("payments/<uuid:public_id>/repay/", stripe.debt_pay, name="card_debt_pay"),
    path("payments/<uuid:public_id>/give-up/", stripe.payment_give_up, name="card_payment_give_up"),
    path("stripe/webhook/", stripe.webhook, name="stripe_webhook"),
    path("employer/<uuid:public_id>/", employers.employer_page, name="employer"),
    path("employer/<uuid:public_id>/again/", employers.apply_again, name="employer_again"),
    path("employer/<uuid:public_id>/top-up/", employers.new_top_up, name="employer_top_up_new"),
    path("employer/<uuid:public_id>/list/", lists.new_list, name="employer_list_new"),
    path("employer/<uuid:public_id>/totals/", employers.totals, name="employer_totals"),
    path("employer/<uuid:public_id>/members/", employers.members, name="employer_members"),
    path("agency/employers/", employers_agency.queue, name="agency_employers"),
    path("agency/employers/<uuid:public_id>/", employers_agency.employer_review, name="agency_employer"),
    path("agency/receipts/", employers_agency.receipts, name="agency_receipts"),
    path("agency/receipts/<int:receipt_id>/", employers_agency.receipt_settle, name="agency_receipt"),
    path("agency/receipts/refunds/batch/", employers_agency.refund_batch, name="agency_refund_batch"),
    path("agency/receipts/refunds/<uuid:public_id>/", employers_agency.refund_decide, name="agency_refund"),
    path("top-ups/", my_top_ups.my_top_ups, name="my_top_ups"),
    path("top-ups/<int:account_id>/give/", my_top_ups.reference_give, name="top_up_reference_give"),
    path("top-ups/<int:account_id>/payroll/", my_top_ups.payroll_number, name="payroll_number"),
    path(
        "top-ups/<int:account_id>/payroll/<int:number>/revoke/",
        my_top_ups.payroll_revoke,
        name="payroll_number_revoke",
    ),
    path("top-ups/<int:account_id>/revoke/", my_top_ups.reference_revoke, name="top_up_reference_revoke"),
]
