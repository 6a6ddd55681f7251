"""Searches that somebody keeps."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from ila.core import clock


class SavedSearch(models.Model):
    """A search that its owner comes back to, and may be told of new matches by mail once a day.

    query: the search's address, after the question mark. mails: whether new matches are mailed.
    checked_at: entries listed since then are new. stop_token: lets whoever has the mail end the mails.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="saved_searches"
    )
    name = models.CharField(max_length=200)
    query = models.CharField(max_length=2000)
    mails = models.BooleanField(default=True)
    stop_token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(default=clock.now)
    checked_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["owner", "query"], name="savedsearch_once_per_owner")
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["checked_at"], condition=models.Q(mails=True), name="savedsearch_to_be_checked"
            )
        ]

    def __str__(self) -> str:
        return self.name
