"""Addresses of a learner's own pages, and of those whom a learner lets look."""

from django.urls import path

from funding.views import counselling, learner_details, learner_documents, learner_refunds

urlpatterns = [
    path("account/counsellors/", counselling.counsellor_list, name="counsellors"),
    path("account/counsellors/<uuid:public_id>/", counselling.counsellor_detail, name="counsellor"),
    path("account/counsellors/<uuid:public_id>/end/", counselling.counsellor_end, name="counsellor_end"),
    path(
        "account/suggestions/<uuid:public_id>/dismiss/",
        counselling.suggestion_dismiss,
        name="suggestion_dismiss",
    ),
    path("counselling/", counselling.home, name="counselling"),
    path("counselling/<uuid:public_id>/", counselling.counselled, name="counselled"),
    path("counselling/<uuid:public_id>/answer/", counselling.answer, name="counselling_answer"),
    path("counselling/<uuid:public_id>/suggest/", counselling.suggest, name="counselled_suggest"),
    path("counselling/<uuid:public_id>/<slug:part>/", counselling.counselled_part, name="counselled_part"),
    path("account/documents/", learner_documents.document_list, name="learner_documents"),
    path("account/documents/<uuid:public_id>/", learner_documents.document_hand_in, name="document_hand_in"),
    path("account/documents/letters/<int:pk>/", learner_documents.letter, name="letter"),
    path("documents/<uuid:public_id>/", learner_documents.document_file, name="learner_document"),
    path(
        "documents/<uuid:public_id>/withdraw/", learner_documents.document_withdraw, name="document_withdraw"
    ),
    path(
        "bookings/<uuid:public_id>/documents/",
        learner_documents.documents_of_booking,
        name="booking_documents",
    ),
    path("account/refunds/", learner_refunds.refund_list, name="refunds"),
    path("account/refunds/account/", learner_refunds.refund_account, name="refund_account"),
    path("account/details/", learner_details.details, name="details"),
    path("account/details/<slug:fact>/", learner_details.correction_ask, name="correction_ask"),
    path(
        "account/corrections/<uuid:public_id>/back/",
        learner_details.correction_take_back,
        name="correction_take_back",
    ),
    path("agency/corrections/", learner_details.correction_list, name="corrections"),
    path("agency/corrections/<uuid:public_id>/", learner_details.correction_decide, name="correction"),
]
