"""What the records say between two moments of a scenario: which money moved, and what happened by itself."""

from django.db.models import Max, Sum

from accounts.services import service_users
from funding.models import BookingLog, Bucket, Posting
from funding.replay.cast import Cast

# Where public money comes from is no news of a scenario.
FUNDER_SIDE = (Bucket.APPROPRIATION, Bucket.BUDGET)


class Records:
    """Reads the journal and the log from where it stopped the last time."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._clock = service_users.get("clock")
        self._posting = self._log = 0
        self.moved()
        self.by_itself()

    def moved(self) -> dict[str, int]:
        """Cents that came into or left each bucket since the last call; buckets that did not change are left out."""
        new = Posting.objects.filter(entry__scheme=self._cast.scheme, pk__gt=self._posting)
        sums: dict[str, int] = {}
        rows = new.values_list("bucket").annotate(cents=Sum("amount_cents"), last=Max("pk")).order_by()
        for bucket, cents, last in rows:
            self._posting = max(self._posting, last)
            if cents and bucket not in FUNDER_SIDE:
                sums[bucket] = cents
        return {bucket: sums[bucket] for bucket in Bucket.values if bucket in sums}

    def by_itself(self) -> list[tuple[int, str]]:
        """(booking, new state) of what fell due since the last call."""
        mine = BookingLog.objects.filter(subject__account__scheme=self._cast.scheme, pk__gt=self._log)
        found = list(mine.filter(actor=self._clock).order_by("pk").values_list("subject_id", "target"))
        self._log = mine.order_by("-pk").values_list("pk", flat=True).first() or self._log
        return found
