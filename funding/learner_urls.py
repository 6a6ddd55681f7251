"""Addresses of a learner's own pages, and of those whom a learner lets look."""

from django.urls import path

from funding.views import counselling

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
]
