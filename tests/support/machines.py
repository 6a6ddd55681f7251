"""A row of every state machine in any of its states, to try every transition on."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from accounts.models import Consent, Employer, Identity, IdentityClaim, Membership, Organisation, User
from accounts.services import service_users
from catalogue.models import (
    AccountChange,
    Accreditation,
    Application,
    Award,
    ListingClaim,
    MicroCredential,
    Session,
    SigningKey,
    StatusList,
)
from funding.models import (
    Appropriation,
    Booking,
    CardPayment,
    Claim,
    OwnTransfer,
    PayerDebt,
    PaymentBatch,
    Receivable,
    SchemeDraft,
    TopUp,
    TopUpRefund,
    version_on,
)
from funding.services.top_ups.orders import new_reference
from ila.core import clock, fsm
from tests.factories.accounts import MembershipFactory, OrganisationFactory
from tests.support.fraud_machines import fraud_rows
from tests.support.world import Learner, World


@dataclass
class Rows:
    """Makes a row of a machine in a state, with every timestamp set, so that only the state decides."""

    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.learner: Learner = self.world.make_learner()
        self.manager: User = MembershipFactory.create(organisation=self.world.agency, role="manager").user
        self.other_manager: User = MembershipFactory.create(
            organisation=self.world.agency, role="manager"
        ).user
        self.third_manager: User = MembershipFactory.create(
            organisation=self.world.agency, role="manager"
        ).user
        self.make: dict[type[fsm.Machine], Callable[[str], fsm.Machine]] = {
            Accreditation: self._accreditation,
            AccountChange: self._account_change,
            ListingClaim: self._listing_claim,
            Award: self._award,
            Booking: self._booking,
            Claim: self._claim,
            Consent: self._consent,
            IdentityClaim: self._identity_claim,
            Employer: self._employer,
            MicroCredential: self._micro_credential,
            PaymentBatch: self._batch,
            Receivable: self._receivable,
            Appropriation: self._appropriation,
            SchemeDraft: self._draft,
            Session: self._session,
            TopUp: self._top_up,
            TopUpRefund: self._refund,
            CardPayment: self._card_payment,
            PayerDebt: self._payer_debt,
            OwnTransfer: self._own_transfer,
            **fraud_rows(self.world, self.manager, self.other_manager),
        }
        self.employer: Organisation = OrganisationFactory.create(employer=True)
        self.employer_user: User = MembershipFactory.create(organisation=self.employer, role="manager").user

    def started(self, model: type[fsm.Machine], state: str) -> fsm.Machine:
        """A saved row in that state, with its first log row."""
        row = self.make[model](state)
        fsm.start(row, actor=self.manager)
        if isinstance(row, ListingClaim):
            self._claimed(row)
        return row

    def _consent(self, state: str) -> Consent:
        return Consent(
            citizen=self.learner.citizen,
            text="text",
            text_hash=Consent.hash_of("text"),
            answered_at=clock.now(),
            sign_in=self.learner.sign_in,
            state=state,
        )

    def _identity_claim(self, state: str) -> IdentityClaim:
        decided = {"decided_by": self.manager, "decided_at": clock.now()}
        found = {"citizen": self.learner.citizen}
        identity, _new = Identity.objects.get_or_create(
            user=self.other_manager, provider="id", issuer="https://id.example.org", subject_index="x"
        )
        return IdentityClaim(
            user=self.other_manager,
            identity=identity,
            reason="same_name",
            given_name="Camille",
            family_name="Durand",
            birth_date="1990-02-03",
            state=state,
            **(found if state in {"proposed", "matched", "created"} else {}),
            **(decided if state in {"matched", "created", "refused"} else {}),
        )

    def _accreditation(self, state: str) -> Accreditation:
        names = ("submitted", "review_started", "accredited", "refused", "expired", "withdrawn")
        values: dict[str, Any] = {f"{name}_at": clock.now() for name in names}
        if state in ("suspended", "withdrawn"):
            values["suspended_at"] = clock.now()
        provider = self.world.make_provider(accredited=False)
        provider.organisation = self.world.provider.organisation
        provider.save()
        return Accreditation(
            provider=provider, authority="Other", valid_from=date(2025, 1, 1), state=state, **values
        )

    def _account_change(self, state: str) -> AccountChange:
        now = clock.now()
        confirmed = state not in ("asked", "stopped", "refused", "taken_back")
        return AccountChange(
            provider=self.world.provider,
            iban="FR7630006000011234567890189",
            iban_before="",
            holder="Row",
            payee_answer="match",
            payee_asked_at=now,
            asked_by=self.world.provider_user,
            asked_at=now,
            confirmed_by=self.manager if confirmed else None,
            confirmed_at=now if confirmed else None,
            cooling_until=now if confirmed else None,
            approved_by=self.other_manager if state in ("approved", "in_force") else None,
            approved_at=now,
            in_force_at=now if state == "in_force" else None,
            ended_at=now,
            state=state,
        )

    def _listing_claim(self, state: str) -> ListingClaim:
        now = clock.now()
        return ListingClaim(
            provider=self.world.provider, review_started_at=now, decided_at=now, state=state, submitted_at=now
        )

    def _claimed(self, claim: ListingClaim) -> None:
        """Whose claim it is: the organisation that applies with it."""
        organisation = self.world.provider.organisation
        assert organisation is not None
        Application.objects.create(
            kind="claim",
            organisation=organisation,
            started_by=self.world.provider_user,
            provider=claim.provider,
            claim=claim,
            admissibility_due_at=clock.now(),
            decision_due_at=clock.now(),
        )

    def _micro_credential(self, state: str) -> MicroCredential:
        values: dict[str, Any] = {"submitted_at": clock.now(), "registered_at": clock.now()}
        if state in ("suspended", "delisted"):
            values[f"{state}_at"] = clock.now()
        return MicroCredential(
            provider=self.world.provider,
            external_id="row",
            entry="row",
            title="Row",
            kind="rs",
            currency="EUR",
            state=state,
            **values,
        )

    def _award(self, state: str) -> Award:
        now = clock.now()
        key, _made = SigningKey.objects.get_or_create(
            name="row", defaults={"public_jwk": {}, "private_sealed": b"-", "created_at": now}
        )
        places = StatusList.objects.get_or_create(
            provider=self.world.provider, number=1, defaults={"step": 1, "offset": 0, "created_at": now}
        )
        return Award(
            source=uuid.uuid4(),
            kind="achievement",
            citizen=self.learner.citizen,
            provider=self.world.provider,
            micro_credential=self.world.credential,
            key=key,
            status_list=places[0],
            status_index=7,
            claims={"id": "row"},
            token="row",
            state=state,
            revoked_at=now if state == "revoked" else None,
            revocation_reason="error" if state == "revoked" else "",
        )

    def _session(self, state: str) -> Session:
        names = ("opened", "started", "held", "cancelled", "never_held")
        values: dict[str, Any] = {f"{name}_at": clock.now() for name in names}
        if state not in ("planned", "open"):
            values["guaranteed_at"] = clock.now()
        return Session(
            micro_credential=self.world.credential,
            external_id="row",
            currency="EUR",
            price_cents=100,
            state=state,
            **values,
        )

    def _booking(self, state: str) -> Booking:
        consent = self._consent("given")
        fsm.start(consent, actor=self.learner.user)
        now = clock.now()
        return Booking(
            account=self.learner.account,
            session=self.world.session,
            credential=self.world.credential,
            provider=self.world.provider,
            scheme_version=version_on(self.world.scheme, now.date()),
            consent=consent,
            state=state,
            price_cents=165_000,
            currency="EUR",
            proposed_at=now,
            accepted_at=now,
            entered_at=now,
            left_at=now,
            exit_reason="complete",
            declared_percent=100,
            service_declared_at=now,
            service_validated_at=now,
            realised_percent=100,
            settled_at=now,
            ended_at=now,
            disputed_at=now,
            state_before_dispute="in_training" if state == "disputed" else "",
        )

    def _claim(self, state: str) -> Claim:
        booking = self._booking("service_validated")
        fsm.start(booking, actor=self.manager)
        now = clock.now()
        return Claim(
            booking=booking,
            provider=booking.provider,
            kind="final",
            state=state,
            amount_cents=100,
            currency="EUR",
            author=self.world.provider_user,
            approver=self.world.payer,
            submitted_at=now,
            approved_at=now,
            paid_at=now,
        )

    def _batch(self, state: str) -> PaymentBatch:
        now = clock.now()
        return PaymentBatch(
            scheme=self.world.scheme,
            msg_id="ROW",
            state=state,
            currency="EUR",
            value_date=now.date(),
            author=self.world.payer,
            approver=self.world.second_payer,
            approved_at=now,
            exported_at=None if state in ("draft", "approved", "dropped") else now,
            closed_at=now,
        )

    def _receivable(self, state: str) -> Receivable:
        booking = self._booking("settled")
        fsm.start(booking, actor=self.manager)
        return Receivable(
            booking=booking,
            provider=booking.provider,
            state=state,
            amount_cents=100,
            recovered_cents=100 if state == "recovered" else 0,
            currency="EUR",
            reason="row",
            closed_at=clock.now(),
        )

    def _appropriation(self, state: str) -> Appropriation:
        decided = state in ("approved", "rejected")
        return Appropriation(
            scheme=self.world.scheme,
            budget_name="Row",
            amount_cents=100,
            currency="EUR",
            reason="row",
            document=uuid.uuid4().hex,
            state=state,
            author=self.manager,
            approver=self.other_manager if decided else None,
            decided_at=clock.now() if decided else None,
        )

    def _draft(self, state: str) -> SchemeDraft:
        decided = state in ("approved", "rejected")
        return SchemeDraft(
            scheme=self.world.scheme,
            content={"code": "cpf", "valid_from": "2027-01-01"},
            state=state,
            author=self.manager,
            approver=self.other_manager if decided else None,
            proposed_at=clock.now(),
            decided_at=clock.now() if decided else None,
            version=version_on(self.world.scheme, clock.now().date()) if state == "approved" else None,
        )

    def _employer(self, state: str) -> Employer:
        organisation = OrganisationFactory.create(employer=True)
        Membership.objects.create(user=self.employer_user, organisation=organisation, role="manager")
        return Employer(
            organisation=organisation,
            country="FR",
            number=f"{organisation.pk:014d}",
            contact_name="Row",
            contact_email="row@example.org",
            state=state,
            reason="row" if state in ("refused", "closed") else "",
            decided_at=None if state == "applied" else clock.now(),
        )

    def _top_up(self, state: str) -> TopUp:
        now = clock.now()
        return TopUp(
            organisation=self.employer,
            scheme=self.world.scheme,
            kind="voluntary",
            source="endowment",
            currency="EUR",
            reference=f"RF00{state}{uuid.uuid4().hex[:6]}",
            total_cents=100,
            line_count=1,
            received_cents=100,
            allocated_cents=0 if state in ("pending", "failed") else 100,
            state=state,
            ordered_by=self.employer_user,
            paid_at=now,
            allocated_at=now,
            closed_at=now,
        )

    @cached_property
    def refund_batch(self) -> PaymentBatch:
        """A draft for refunds to go into."""
        batch = PaymentBatch(
            scheme=self.world.scheme,
            msg_id="REFUNDS",
            currency="EUR",
            value_date=clock.now().date(),
            author=self.world.payer,
        )
        fsm.start(batch, actor=self.world.payer)
        return batch

    def _refund(self, state: str) -> TopUpRefund:
        order = self._top_up("failed")
        fsm.start(order, actor=self.manager)
        return TopUpRefund(
            top_up=order,
            organisation=self.employer,
            amount_cents=100,
            iban="FR7630006000011234567890189",
            requested_by=self.employer_user,
            state=state,
            bank_reference="T1" if state in ("noted", "paid") else "",
            noted_by=self.world.third_payer if state == "noted" else None,
            noted_at=clock.now() if state == "noted" else None,
            batch=self.refund_batch if state == "in_batch" else None,
            end_to_end_id="E1" if state == "in_batch" else "",
            outcome="pending" if state == "in_batch" else "",
            closed_at=None if state in ("requested", "noted", "in_batch") else clock.now(),
        )

    def _card_payment(self, state: str) -> CardPayment:
        now = clock.now()
        order = self._top_up("pending")
        fsm.start(order, actor=self.manager)
        return CardPayment(
            scheme=self.world.scheme,
            top_up=order,
            payer=self.employer_user,
            fund="employer",
            amount_cents=100,
            currency="EUR",
            state=state,
            expires_at=now,
            succeeded_at=now if state == "succeeded" else None,
            closed_at=now,
        )

    def _own_transfer(self, state: str) -> OwnTransfer:
        now = clock.now()
        booking = self._booking("proposed")
        fsm.start(booking, actor=self.manager)
        return OwnTransfer(
            scheme=self.world.scheme,
            booking=booking,
            payer=self.learner.user,
            amount_cents=100,
            received_cents=100,
            currency="EUR",
            reference=new_reference(),
            state=state,
            expires_at=now,
            paid_at=now if state == "paid" else None,
            closed_at=None if state == "opened" else now,
            sign_in=self.learner.sign_in,
            text="text",
            text_hash="0" * 64,
        )

    def _payer_debt(self, state: str) -> PayerDebt:
        payment = self._card_payment("succeeded")
        fsm.start(payment, actor=self.manager)
        recovered = {"opened": 0, "partly_recovered": 50, "recovered": 100}[state]
        return PayerDebt(
            payment=payment,
            amount_cents=100,
            recovered_cents=recovered,
            currency="EUR",
            state=state,
            closed_at=clock.now() if state == "recovered" else None,
        )

    def actor_for(self, who: str) -> User:
        """The person a table names: learner, provider, funder, payer, or the clock's service."""
        return {
            "learner": self.learner.user,
            "provider": self.world.provider_user,
            "funder": self.world.case_worker,
            "payer": self.world.second_payer,
            "employer": self.employer_user,
            "clock": service_users.get("clock"),
            "author": self.manager,
            "other_manager": self.other_manager,
            "third_manager": self.third_manager,
        }[who]
