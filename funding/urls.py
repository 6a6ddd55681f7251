"""Addresses of bookings and of the agency's books. Bookings go by their public id alone."""

from django.urls import path

from funding.views import audit, batches, bookings, operations

urlpatterns = [
    path("bookings/", bookings.booking_list, name="bookings"),
    path("bookings/<uuid:public_id>/", bookings.booking_detail, name="booking"),
    path("bookings/<uuid:public_id>/accept/", bookings.accept, name="booking_accept"),
    path("bookings/<uuid:public_id>/refuse/", bookings.refuse, name="booking_refuse"),
    path("agency/batches/", batches.batch_list, name="batches"),
    path("agency/batches/<str:msg_id>/", batches.batch_detail, name="batch"),
    path("agency/batches/<str:msg_id>/file/", batches.batch_file, name="batch_file"),
    path("agency/bank-messages/", batches.message_list, name="bank_messages"),
    path("agency/bank-messages/<str:sha256>/raw/", batches.message_raw, name="bank_message_raw"),
    path("agency/audit/", audit.audit, name="audit"),
    path("agency/operations/", operations.overview, name="operations"),
    path("agency/operations/jobs/<int:job_id>/retry/", operations.retry_job, name="job_retry"),
    path("agency/operations/reviews/<int:review_id>/close/", operations.close_review, name="review_close"),
]
