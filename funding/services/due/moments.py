"""What is over or begins at a moment without a state that changes: holds, sanctions, windows."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Max, QuerySet

from accounts.models import Membership, Message, OrganisationKind, Role, User
from accounts.services import messages
from funding.models import Booking, Hold, LearningAccount, Scheme, Window
from funding.services import reviews
from funding.services.bookings import terms
from funding.services.bookings.context import calendar_of
from funding.services.due.marks import BEGINNING, Key, locked_mark, move_mark
from funding.services.due.results import DueResult

ONE_DAY = timedelta(days=1)
HOLDS = "hold_ended"
SUSPENSIONS = "suspension_ended"
OPENED, CLOSED = "window_opened", "window_closed"
# Holds of one transaction.
CHUNK = 500


class HoldStream:
    """Holds whose end has come without anybody releasing them: their owners are told.

    What they stopped goes on by itself: each booking with something overdue gets a review, so that a person
    sees that nothing was decided (N-16).
    """

    def __init__(self, now: datetime, marks: dict[Key, datetime], result: DueResult) -> None:
        self._now = now
        self._done = marks.get((HOLDS, None), BEGINNING)
        self._result = result

    def head(self) -> datetime | None:
        return self._ended(self._now).values_list("expires_at", flat=True).first()

    def execute(self, until: datetime) -> int:
        with locked_mark(HOLDS, None) as mark:
            if mark is None:
                return 0
            self._done = mark.until
            # All that end at one moment belong together: the mark can only lie between moments.
            last = self._ended(until)[:CHUNK].aggregate(last=Max("expires_at"))["last"]
            ended = [] if last is None else list(self._ended(last).select_related("owner"))
            self._note(ended)
            if last is not None:
                mark.until = self._done = last
                mark.save(update_fields=["until"])
        self._result.holds_ended += len(ended)
        return len(ended)

    def _ended(self, until: datetime) -> QuerySet[Hold]:
        ended = Hold.objects.filter(
            released_at__isnull=True, expires_at__gt=self._done, expires_at__lte=until
        )
        return ended.order_by("expires_at", "pk")

    def _note(self, ended: Sequence[Hold]) -> None:
        Message.objects.bulk_create(
            [
                message
                for hold in ended
                for message in messages.draft(recipient=hold.owner, template="hold_ended", hold=hold.pk)
            ]
        )
        waiting = Booking.objects.filter(next_due=terms.VALIDATE, next_due_at__lte=self._now)
        concerned = {hold.booking_id: hold for hold in ended if hold.booking_id is not None}
        for name in ("session", "provider"):
            by_scope = {pk: hold for hold in ended if (pk := getattr(hold, f"{name}_id")) is not None}
            if by_scope:
                rows = waiting.filter(**{f"{name}__in": list(by_scope)}).values_list("pk", f"{name}_id")
                concerned |= {pk: by_scope[scope] for pk, scope in rows}
        by_iban = {hold.iban: hold for hold in ended if hold.iban}
        if by_iban:
            rows = waiting.filter(provider__iban__in=list(by_iban)).values_list("pk", "provider__iban")
            concerned |= {pk: by_iban[iban] for pk, iban in rows}
        reviews.open_reviews(
            list(concerned),
            reason="hold_ended",
            details={pk: {"hold": hold.pk} for pk, hold in concerned.items()},
        )


class SuspensionStream:
    """Learners whose suspension is over are told that the account may be used again (F-25)."""

    def __init__(
        self, of: list[Scheme], now: datetime, marks: dict[Key, datetime], result: DueResult
    ) -> None:
        self._schemes = of
        self._now = now
        self._marks = marks
        self._result = result

    def head(self) -> datetime | None:
        first = self._first()
        return None if first is None else first[0]

    def execute(self, _until: datetime) -> int:
        first = self._first()
        if first is None:
            return 0
        over, scheme = first
        with locked_mark(SUSPENSIONS, scheme.pk) as mark:
            if mark is None:
                return 0
            if mark.until < over:
                last_day = calendar_of(scheme).local_date(over) - ONE_DAY
                accounts = LearningAccount.objects.filter(scheme=scheme, suspended_until=last_day)
                self._tell(list(accounts.select_related("citizen__user", "scheme").order_by("pk")))
                mark.until = over
                mark.save(update_fields=["until"])
        self._marks[SUSPENSIONS, scheme.pk] = max(over, mark.until)
        return 1

    def _tell(self, accounts: Sequence[LearningAccount]) -> None:
        Message.objects.bulk_create(
            [
                message
                for account in accounts
                for message in messages.draft(
                    recipient=account.citizen.user,
                    template="account_active_again",
                    scheme=account.scheme.name,
                )
            ]
        )
        self._result.suspensions_ended += len(accounts)

    def _first(self) -> tuple[datetime, Scheme] | None:
        found = [due for scheme in self._schemes if (due := self._first_of(scheme)) is not None]
        return min(found, key=lambda due: (due[0], due[1].pk), default=None)

    def _first_of(self, scheme: Scheme) -> tuple[datetime, Scheme] | None:
        calendar = calendar_of(scheme)
        today = calendar.local_date(self._now)
        # The mark is the end of the last day executed: it lies in the first day that is not.
        first = calendar.local_date(self._marks.get((SUSPENSIONS, scheme.pk), BEGINNING))
        if first >= today:
            return None
        suspended = LearningAccount.objects.filter(
            scheme=scheme, suspended_until__gte=first, suspended_until__lt=today
        )
        day = suspended.order_by("suspended_until").values_list("suspended_until", flat=True).first()
        if day is None:
            over = calendar.start_of_day(today)
            move_mark(SUSPENSIONS, scheme.pk, over)
            self._marks[SUSPENSIONS, scheme.pk] = over
            return None
        return calendar.end_of_day(day), scheme


class WindowStream:
    """Windows that open and close: the moment itself decides about applications; the agency's managers are told.

    kind: `window_opened` or `window_closed`.
    """

    def __init__(
        self, kind: str, of: list[Scheme], now: datetime, marks: dict[Key, datetime], result: DueResult
    ) -> None:
        self._kind = kind
        self._field = "opens_at" if kind == OPENED else "closes_at"
        self._schemes = {scheme.pk: scheme for scheme in of}
        self._now = now
        self._marks = marks
        self._result = result

    def head(self) -> datetime | None:
        first = self._first()
        return None if first is None else getattr(first, self._field)

    def execute(self, _until: datetime) -> int:
        first = self._first()
        if first is None:
            return 0
        moment = getattr(first, self._field)
        with locked_mark(self._kind, first.scheme_id) as mark:
            if mark is None:
                return 0
            if mark.until < moment:
                windows = Window.objects.filter(scheme=first.scheme_id, **{self._field: moment})
                with_money = windows.select_related("budget").prefetch_related("slices__budget")
                self._tell(list(with_money.order_by("pk")))
                mark.until = moment
                mark.save(update_fields=["until"])
        self._marks[self._kind, first.scheme_id] = max(moment, mark.until)
        return 1

    def _tell(self, windows: Sequence[Window]) -> None:
        managers = User.objects.filter(
            is_active=True,
            pk__in=Membership.objects.filter(
                organisation__kind=OrganisationKind.AGENCY, role=Role.MANAGER, ended_at__isnull=True
            ).values("user"),
        ).order_by("pk")
        Message.objects.bulk_create(
            [
                message
                for manager in managers
                for window in windows
                for message in messages.draft(
                    recipient=manager,
                    template=self._kind,
                    window=window.name,
                    left_cents=window.left_cents,
                    currency=window.budget.currency,
                )
            ]
        )
        counted = "windows_opened" if self._kind == OPENED else "windows_closed"
        setattr(self._result, counted, getattr(self._result, counted) + len(windows))

    def _first(self) -> Window | None:
        """The window that opened or closed first of those nobody was told of yet."""
        reached = Window.objects.filter(**{f"{self._field}__lte": self._now}, scheme__in=list(self._schemes))
        marks = {pk: self._marks.get((self._kind, pk), BEGINNING) for pk in self._schemes}
        # Windows are few: some each year in a scheme that has them.
        rows = reached.filter(**{f"{self._field}__gt": min(marks.values(), default=BEGINNING)})
        waiting = [
            window
            for window in rows.order_by(self._field, "pk")
            if getattr(window, self._field) > marks[window.scheme_id]
        ]
        return waiting[0] if waiting else None
