"""What each event of a scenario does: the call of the one service behind it, by whoever may make it."""

from collections.abc import Callable
from typing import Any

from accounts.models import SignIn, User
from accounts.models.consents import Assurance
from accounts.services import service_users, sign_ins
from catalogue.models import Accreditation, AccreditationState
from catalogue.payees import StandInPayees, payees_are_configured
from catalogue.services import accreditations, micro_credentials, providers
from funding.models import (
    Booking,
    BookingState,
    Claim,
    ClaimKind,
    ClaimState,
    Payment,
)
from funding.replay import scenario as script
from funding.replay.cast import Cast, LearnerPart, ProviderPart, accredit
from funding.replay.values import instant
from funding.services import (
    accruals,
    age_credits,
    batches,
    bookings,
    claim_approvals,
    claims,
    holds,
    payee_checks,
    payments,
    receivables,
    schemes,
    windows,
)
from ila.core.errors import DomainError

IN_FORCE = (AccreditationState.ACCREDITED, AccreditationState.SUSPENDED)
REASON = "scenario"


class Acts:
    """The cast at work. Bookings by the ids of the file: None for one whose request was refused."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.bookings: dict[str, int | None] = {}
        self.windows: dict[str, int] = {}

    def do(self, event: script.Event, *, number: int) -> None:
        """Do what an event says. Raises: DomainError when a rule refuses it."""
        self._number = number
        ACTS[type(event)](self, event)

    # -- money on accounts -------------------------------------------------------------------------------

    def accrue(self, event: script.Accrue) -> None:
        accruals.accrue_year(
            scheme=self.cast.scheme,
            year=event.year,
            actor=service_users.get("ledger"),
            budget=self.cast.budget,
        )
        if self.cast.plan.has_age_credits:
            age_credits.credit_year(
                scheme=self.cast.scheme,
                year=event.year,
                actor=service_users.get("ledger"),
                budget=self.cast.budget,
            )

    def credit(self, event: script.Credit) -> None:
        schemes.credit(
            account=self.cast.learners[event.learner].account,
            source=event.source,
            amount_cents=event.amount_cents,
            actor=service_users.get("ledger"),
            idempotency_key=f"credit:event:{self._number}",
            budget=self.cast.budget,
            expires_on=event.expires,
            earmark=event.goal,
        )

    def open_window(self, event: script.OpenWindow) -> None:
        if event.window in self.windows:
            raise DomainError("not_allowed", reason="opened_before")
        zone = self.cast.plan.zone
        window = windows.open_window(
            actor=self.cast.case_worker,
            scheme=self.cast.scheme,
            name=event.window,
            budget_cents=event.budget_cents,
            opens_at=instant(event.opens, zone),
            closes_at=instant(event.closes, zone, end_of_day=True),
        )
        self.windows[event.window] = window.pk

    def apply(self, event: script.Apply) -> None:
        if event.booking in self.bookings:
            raise DomainError("not_allowed", reason="applied_before")
        self.bookings[event.booking] = None
        window_id = self.windows.get(event.window)
        if window_id is None:
            raise DomainError("not_allowed", reason="no_windows", window=event.window)
        learner = self.cast.learners[event.learner]
        booking = windows.apply(
            actor=learner.user,
            account_id=learner.account.pk,
            session_id=self.cast.sessions[event.session].pk,
            window_id=window_id,
            sign_in=self._sign_in(learner, learner.e_identity),
            idempotency_key=f"{self.cast.tag}:{self._number}",
            # Own money counts as paid when the acceptance succeeds, here as everywhere in a scenario.
            own_part="here",
        )
        self.bookings[event.booking] = booking.pk

    # -- from the request to the acceptance --------------------------------------------------------------

    def request(self, event: script.Request) -> None:
        if event.booking in self.bookings:
            raise DomainError("not_allowed", reason="requested_before")
        self.bookings[event.booking] = None
        learner = self.cast.learners[event.learner]
        booking = bookings.request_booking(
            actor=learner.user,
            account_id=learner.account.pk,
            session_id=self.cast.sessions[event.session].pk,
        )
        self.bookings[event.booking] = booking.pk

    def acknowledge(self, event: script.Acknowledge) -> None:
        booking = self._booking(event)
        bookings.acknowledge_request(actor=self._provider(booking), booking_id=booking.pk)

    def propose(self, event: script.Propose) -> None:
        booking = self._booking(event)
        bookings.propose(actor=self._provider(booking), booking_id=booking.pk, price_cents=event.price_cents)

    def refuse(self, event: script.Refuse) -> None:
        booking = self._booking(event)
        if event.by == "provider":
            bookings.refuse_by_provider(
                actor=self._provider(booking), booking_id=booking.pk, reason=event.reason
            )
        elif event.by == "learner":
            bookings.refuse_by_learner(
                actor=self._learner(booking), booking_id=booking.pk, reason=event.reason
            )
        else:
            raise DomainError("not_allowed", reason="the funder refuses no request, it cancels")

    def accept(self, event: script.Accept) -> None:
        booking = self._booking(event)
        learner = self.cast.learners[self._learner_id(booking)]
        bookings.accept(
            actor=learner.user,
            booking_id=booking.pk,
            sign_in=self._sign_in(learner, event.e_identity or learner.e_identity),
            idempotency_key=f"{self.cast.tag}:{self._number}",
            own_part="here",
        )

    def deny_consent(self, event: script.DenyConsent) -> None:
        booking = self._booking(event)
        bookings.deny_consent(actor=self._learner(booking), booking_id=booking.pk)

    # -- endings -----------------------------------------------------------------------------------------

    def withdraw(self, event: script.Withdraw) -> None:
        booking = self._booking(event)
        bookings.withdraw(actor=self._learner(booking), booking_id=booking.pk)

    def cancel(self, event: script.Cancel) -> None:
        booking = self._booking(event)
        if event.by == "learner":
            bookings.cancel_by_learner(
                actor=self._learner(booking), booking_id=booking.pk, reason=event.reason
            )
        elif event.by == "provider":
            bookings.cancel_by_provider(
                actor=self._provider(booking), booking_id=booking.pk, reason=event.reason
            )
        else:
            bookings.cancel_by_funder(actor=self.cast.case_worker, booking_id=booking.pk, reason=event.reason)

    def cancel_session(self, event: script.CancelSession) -> None:
        session = self.cast.sessions[event.session]
        provider = self._provider_part(session.micro_credential.provider_id)
        bookings.cancel_session(actor=provider.user, session_id=session.pk, reason=REASON)

    def no_show(self, event: script.NoShow) -> None:
        booking = self._booking(event)
        bookings.declare_no_show(
            actor=self._provider(booking), booking_id=booking.pk, justified=event.justified
        )

    def resolve(self, event: script.Resolve) -> None:
        booking = self._booking(event)
        bookings.resolve_dispute(
            actor=self.cast.case_worker,
            booking_id=booking.pk,
            upheld=event.outcome == "upheld",
            reason=REASON,
        )

    # -- the training ------------------------------------------------------------------------------------

    def declare_entry(self, event: script.DeclareEntry) -> None:
        booking = self._booking(event)
        bookings.declare_entry(actor=self._provider(booking), booking_id=booking.pk)

    def attendance(self, event: script.Attendance) -> None:
        booking = self._booking(event)
        bookings.record_attendance(
            actor=self._provider(booking), booking_id=booking.pk, percent=event.percent, hours=event.hours
        )

    def certificate(self, event: script.Certificate | script.Exam) -> None:
        booking = self._booking(event)
        bookings.record_certificate(actor=self._provider(booking), booking_id=booking.pk, kind=event.do)

    def declare_exit(self, event: script.DeclareExit) -> None:
        booking = self._booking(event)
        bookings.declare_exit(actor=self._provider(booking), booking_id=booking.pk, exit_reason=event.reason)

    def declare_service(self, event: script.DeclareService) -> None:
        booking = self._booking(event)
        bookings.declare_service(actor=self._provider(booking), booking_id=booking.pk, percent=event.percent)

    def validate_service(self, event: script.ValidateService) -> None:
        booking = self._booking(event)
        bookings.validate_service(actor=self.cast.case_worker, booking_id=booking.pk)

    # -- payment -----------------------------------------------------------------------------------------

    def claim(self, event: script.Claim) -> None:
        booking = self._booking(event)
        kind = ClaimKind.ADVANCE if event.advance else ClaimKind.FINAL
        if not self._reimburses(booking):
            claims.claim_booking(actor=self._provider(booking), booking_id=booking.pk, kind=kind)
            return
        learner = self.cast.learners[self._learner_id(booking)]
        claims.claim_booking(actor=learner.user, booking_id=booking.pk, kind=kind, payee_iban=learner.iban)

    def approve_claim(self, event: script.ApproveClaim) -> None:
        booking = self._booking(event)
        (claim_id,) = self._claims(booking, ClaimState.SUBMITTED)[:1]
        if claim_approvals.needs_two(
            Claim.objects.select_related("booking__scheme_version").get(pk=claim_id)
        ):
            # The event is what both persons do.
            claims.approve_claim(actor=self.cast.releasing_officer, claim_id=claim_id)
        claims.approve_claim(actor=self.cast.claims_officer, claim_id=claim_id)

    def pay(self, event: script.Pay) -> None:
        booking = self._booking(event)
        # Accounts of a scenario are made up: no bank is asked about them.
        if payees_are_configured():
            payee_checks.ask_payees(
                actor=self.cast.payment_officer, scheme=self.cast.scheme, port=StandInPayees()
            )
        batch = batches.create_batch(
            actor=self.cast.payment_officer,
            scheme=self.cast.scheme,
            claim_ids=self._claims(booking, ClaimState.APPROVED),
        )
        batches.approve_batch(actor=self.cast.releasing_officer, batch_id=batch.pk)
        batches.export_batch(actor=self.cast.payment_officer, batch_id=batch.pk)

    def bank(self, event: script.Bank) -> None:
        booking = self._booking(event)
        sent = Payment.objects.filter(claim__booking=booking, batch__file__isnull=False)
        latest = sent.order_by("-batch_id").values_list("batch_id", flat=True).first()
        ids = list(sent.filter(batch_id=latest).order_by("pk").values_list("pk", flat=True))
        if not ids:
            raise DomainError("not_allowed", reason="nothing was sent to the bank")
        try:
            if event.result == "executed":
                payments.execute_payments(payment_ids=ids)
            elif event.result == "rejected":
                payments.reject_payments(payment_ids=ids, reason_code="AC04")
            else:
                payments.return_payments(payment_ids=ids, reason_code="AC04")
        except payments.ContradictionError as error:
            raise DomainError("not_allowed", reason=error.code) from error

    def recover(self, event: script.Recover) -> None:
        booking = self._booking(event)
        receivables.recover(
            actor=self.cast.payment_officer, booking_id=booking.pk, amount_cents=event.amount_cents
        )

    # -- providers and holds -----------------------------------------------------------------------------

    def set_provider(self, event: script.SetProvider) -> None:
        part = self.cast.providers[event.provider]
        if event.iban is not None:
            providers.change_iban(
                actor=service_users.get("replay"), provider_id=part.provider.pk, iban=event.iban
            )
        if event.model_fields_set & {"accredited_from", "accredited_until"}:
            self._accredit_anew(part, event)

    def suspend(self, event: script.Suspend) -> None:
        worker = self.cast.case_worker
        if event.credential is not None:
            credential = self.cast.credentials[event.credential]
            micro_credentials.suspend_micro_credential(
                actor=worker, micro_credential_id=credential.pk, reason=REASON
            )
        else:
            accreditations.suspend_accreditation(
                actor=worker, accreditation_id=self._accreditation(event.provider).pk, reason=REASON
            )

    def resume(self, event: script.Resume) -> None:
        worker = self.cast.case_worker
        if event.credential is not None:
            credential = self.cast.credentials[event.credential]
            micro_credentials.resume_micro_credential(
                actor=worker, micro_credential_id=credential.pk, reason=REASON
            )
        else:
            accreditations.resume_accreditation(
                actor=worker, accreditation_id=self._accreditation(event.provider).pk, reason=REASON
            )

    def hold(self, event: script.Hold) -> None:
        scope = self._scope(event)
        if event.until is None:
            raise DomainError("incomplete", rule="N-16", what="until")
        holds.place_hold(
            owner=self.cast.case_worker,
            reason=event.reason,
            until=instant(event.until, self.cast.plan.zone, end_of_day=True),
            **scope,
        )

    def release_hold(self, event: script.ReleaseHold) -> None:
        standing = holds.open_holds().filter(owner=self.cast.case_worker, **self._scope(event))
        ids = list(standing.order_by("pk").values_list("pk", flat=True))
        if not ids:
            raise DomainError("not_allowed", reason="no hold stands there")
        for hold_id in ids:
            holds.release_hold(hold_id=hold_id, actor=self.cast.case_worker)

    def advance(self, event: script.Advance) -> None:
        """The stage has moved already."""

    # -- who and what ------------------------------------------------------------------------------------

    def _booking(self, event: script.BookingEvent) -> Booking:
        return self._read(event.booking)

    def _read(self, name: str) -> Booking:
        booking_id = self.bookings.get(name)
        if booking_id is None:
            raise DomainError("not_allowed", reason="the request was refused")
        return bookings.read_booking(booking_id)

    def _learner_id(self, booking: Booking) -> str:
        return next(
            name for name, part in self.cast.learners.items() if part.account.pk == booking.account_id
        )

    def _sign_in(self, learner: LearnerPart, identity: str) -> SignIn:
        strong = identity == "strong"
        return sign_ins.record_sign_in(
            user=learner.user,
            method="e-identity" if strong else "password",
            assurance=Assurance.STRONG if strong else Assurance.WEAK,
        )

    def _reimburses(self, booking: Booking) -> bool:
        version = booking.scheme_version
        return version is not None and version.parsed.funding == "reimbursement"

    def _learner(self, booking: Booking) -> User:
        user = booking.account.citizen.user
        assert user is not None
        return user

    def _provider(self, booking: Booking) -> User:
        return self._provider_part(booking.provider_id).user

    def _provider_part(self, provider_id: int) -> ProviderPart:
        return next(part for part in self.cast.providers.values() if part.provider.pk == provider_id)

    def _claims(self, booking: Booking, state: ClaimState) -> list[int]:
        """The booking's claims in that state, oldest first; there is at least one."""
        found = Claim.objects.filter(booking=booking).order_by("pk")
        ids = list(found.filter(state=state).values_list("pk", flat=True))
        if ids:
            return ids
        last = found.last()
        paid = last is not None and last.state == ClaimState.PAID
        if paid or booking.state == BookingState.SETTLED:
            raise DomainError("already_settled", booking=booking.pk)
        if booking.state == BookingState.DISPUTED:
            raise DomainError("on_hold", reason="disputed")
        raise DomainError("not_allowed", reason=f"no claim is {state}")

    def _credential_id(self, event: script.Accreditable) -> int:
        return self.cast.credentials[event.credential or ""].pk

    def _accreditation(self, provider: str | None) -> Accreditation:
        assert provider is not None
        found = Accreditation.objects.filter(
            state__in=IN_FORCE, provider=self.cast.providers[provider].provider
        ).first()
        if found is None:
            raise DomainError("not_allowed", reason="not accredited")
        return found

    def _accredit_anew(self, part: ProviderPart, event: script.SetProvider) -> None:
        """Other days from now on. What was accredited until now stays so in the records of the past."""
        now = Accreditation.objects.filter(state__in=IN_FORCE, provider=part.provider).first()
        given = event.model_fields_set
        valid_from = None if now is None else now.valid_from
        valid_until = None if now is None else now.valid_until
        if "accredited_from" in given:
            valid_from = event.accredited_from
        if "accredited_until" in given:
            valid_until = event.accredited_until
        if valid_from and valid_until and valid_until < valid_from:
            raise DomainError("not_allowed", reason="accredited_until comes before accredited_from")
        suspended = now is not None and now.state == AccreditationState.SUSPENDED
        if now is not None:
            accreditations.withdraw_accreditation(
                actor=self.cast.case_worker, accreditation_id=now.pk, reason=REASON
            )
        accredit(self.cast, provider=part.provider, valid_from=valid_from, valid_until=valid_until)
        if suspended:
            self.suspend(script.Suspend(do="suspend", provider=event.provider))

    def _scope(self, event: script.Stoppable) -> dict[str, Any]:
        if event.booking is not None:
            return {"booking": self._read(event.booking)}
        if event.provider is not None:
            return {"provider": self.cast.providers[event.provider].provider}
        return {"session": self.cast.sessions[event.session or ""]}


ACTS: dict[type[script.Event], Callable[[Acts, Any], None]] = {
    script.Accrue: Acts.accrue,
    script.Credit: Acts.credit,
    script.OpenWindow: Acts.open_window,
    script.Apply: Acts.apply,
    script.Request: Acts.request,
    script.Acknowledge: Acts.acknowledge,
    script.Propose: Acts.propose,
    script.Refuse: Acts.refuse,
    script.Accept: Acts.accept,
    script.DenyConsent: Acts.deny_consent,
    script.Withdraw: Acts.withdraw,
    script.Cancel: Acts.cancel,
    script.CancelSession: Acts.cancel_session,
    script.DeclareEntry: Acts.declare_entry,
    script.Attendance: Acts.attendance,
    script.Certificate: Acts.certificate,
    script.Exam: Acts.certificate,
    script.DeclareExit: Acts.declare_exit,
    script.DeclareService: Acts.declare_service,
    script.ValidateService: Acts.validate_service,
    script.NoShow: Acts.no_show,
    script.Claim: Acts.claim,
    script.ApproveClaim: Acts.approve_claim,
    script.Pay: Acts.pay,
    script.Bank: Acts.bank,
    script.Recover: Acts.recover,
    script.Resolve: Acts.resolve,
    script.SetProvider: Acts.set_provider,
    script.Suspend: Acts.suspend,
    script.Resume: Acts.resume,
    script.Hold: Acts.hold,
    script.ReleaseHold: Acts.release_hold,
    script.Advance: Acts.advance,
}
