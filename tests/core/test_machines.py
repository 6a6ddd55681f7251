"""Every allowed and every forbidden (state, transition) pair of every machine, against a table written here.

The table is HOUSE's, word for word where it names the way; a transition that is added, or a source or target
that changes, fails here until somebody has written it down.
"""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction

from accounts.models import Consent, Employer, IdentityClaim
from catalogue.models import AccountChange, Accreditation, Award, ListingClaim, MicroCredential, Session
from fraud.models import Alert, Case, KnownPlace, Measure, ParameterVersion
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
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError
from tests.support.machines import Rows
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db

# machine: (who, transition, states it may start from, state it ends in)
TABLE: dict[type[fsm.Machine], tuple[str, str]] = {
    # draft → submitted → in_review → accredited or refused; accredited → suspended → accredited;
    # accredited → expired; accredited or suspended → withdrawn
    Accreditation: (
        "draft submitted in_review accredited refused suspended expired withdrawn",
        """
        provider submit   draft                 submitted
        funder   review   submitted             in_review
        funder   accredit in_review             accredited
        funder   refuse   in_review             refused
        funder   suspend  accredited            suspended
        funder   resume   suspended             accredited
        funder   expire   accredited            expired
        funder   withdraw accredited,suspended  withdrawn
        """,
    ),
    # draft → submitted → registered → suspended → registered; registered → delisted; sent back to be changed; and
    # an entry that comes back in its provider's file is listed again.
    MicroCredential: (
        "draft submitted registered suspended delisted",
        """
        provider submit    draft                          submitted
        funder   send_back submitted                      draft
        funder   register  submitted                      registered
        funder   suspend   registered                     suspended
        funder   resume    suspended                      registered
        provider delist    submitted,registered,suspended delisted
        funder   relist    delisted                       registered
        """,
    ),
    # planned → open → guaranteed → running → held; planned, open or guaranteed → cancelled; running → never_held
    Session: (
        "planned open guaranteed running held cancelled never_held",
        """
        provider open            planned                 open
        provider guarantee       open                    guaranteed
        provider start           guaranteed              running
        provider hold            running                 held
        provider cancel          planned,open,guaranteed cancelled
        provider mark_never_held running                 never_held
        """,
    ),
    # asked → confirmed (a second person) → approved (a third) → in force, after the time to object; stopped by an
    # objection, refused, or taken back before it is approved
    AccountChange: (
        "asked confirmed approved in_force stopped refused taken_back",
        """
        provider confirm     asked                    confirmed
        funder   approve     confirmed                approved
        funder   take_effect approved                 in_force
        provider stop        asked,confirmed,approved stopped
        funder   refuse      asked,confirmed,approved refused
        provider take_back   asked,confirmed          taken_back
        """,
    ),
    # submitted → in_review → approved or refused; withdrawn while it is open
    ListingClaim: (
        "submitted in_review approved refused withdrawn",
        """
        funder   review   submitted           in_review
        funder   approve  in_review           approved
        funder   refuse   in_review           refused
        provider withdraw submitted,in_review withdrawn
        """,
    ),
    # opened → questioned and back; matched, created or refused; an account with a sign-in: proposed, then matched.
    IdentityClaim: (
        "opened questioned proposed matched created refused",
        """
        funder  ask         opened            questioned
        learner give_answer questioned        opened
        funder  propose     opened            proposed
        funder  send_back   proposed          opened
        funder  match       opened            matched
        funder  confirm     proposed          matched
        funder  create      opened            created
        funder  refuse      opened,questioned refused
        """,
    ),
    # issued → revoked
    Award: ("issued revoked", "provider revoke issued revoked"),
    # requested → proposed → accepted → in_training → left → service_declared → service_validated → settled;
    # side exits; disputed (and back)
    Booking: (
        """
        requested proposed accepted in_training left service_declared service_validated settled
        refused_by_provider refused_by_learner lapsed withdrawn cancelled_by_learner cancelled_by_provider
        cancelled_by_funder no_show disputed
        """,
        """
        provider propose            requested                               proposed
        learner  accept             proposed                                accepted
        learner  apply              requested                               proposed
        learner  grant              requested,proposed                      accepted
        provider refuse_by_provider requested                               refused_by_provider
        learner  refuse_by_learner  requested,proposed                      refused_by_learner
        clock    lapse              proposed                                lapsed
        learner  withdraw           accepted                                withdrawn
        learner  cancel_by_learner  requested,proposed,accepted             cancelled_by_learner
        provider cancel_by_provider requested,proposed,accepted,in_training cancelled_by_provider
        funder   cancel_by_funder   requested,proposed,accepted,in_training,left,service_declared,\
service_validated cancelled_by_funder
        provider declare_no_show    accepted                                no_show
        provider enter              accepted                                in_training
        provider leave              in_training                             left
        provider declare_service    left                                    service_declared
        funder   validate_service   service_declared                        service_validated
        funder   settle             service_validated                       settled
        learner  dispute            accepted,in_training,left,service_declared,service_validated,settled,\
no_show,cancelled_by_learner disputed
        funder   reject_dispute     disputed                                in_training
        funder   uphold_dispute     disputed                                cancelled_by_funder
        funder   reinstate          cancelled_by_funder                     cancelled_by_learner
        """,
    ),
    # draft → submitted → approved → in_batch → paid; rejected; returned → approved
    Claim: (
        "draft submitted approved in_batch paid rejected returned",
        """
        provider submit         draft                    submitted
        payer    approve        submitted                approved
        payer    reject         submitted,approved       rejected
        provider call_back      draft,submitted,approved rejected
        payer    include        approved                 in_batch
        payer    pay            in_batch                 paid
        payer    return_payment in_batch,paid            returned
        payer    approve_again  in_batch,returned        approved
        """,
    ),
    # draft → approved (another person) → exported → acknowledged → executed; partly or wholly rejected
    PaymentBatch: (
        "draft approved exported acknowledged executed partly_rejected rejected dropped",
        """
        payer drop        draft                                  dropped
        payer empty       approved                               dropped
        payer approve     draft                                  approved
        payer export      approved                               exported
        payer acknowledge exported                               acknowledged
        payer reject_part exported,acknowledged                  partly_rejected
        payer reject      exported,acknowledged,partly_rejected  rejected
        payer execute     exported,acknowledged,partly_rejected  executed
        """,
    ),
    # opened → demanded → partly_recovered → recovered; written_off; referred
    Receivable: (
        "opened demanded partly_recovered recovered written_off referred",
        """
        funder demand       opened,partly_recovered                   demanded
        payer  recover_part opened,demanded,partly_recovered,referred partly_recovered
        payer  recover_rest opened,demanded,partly_recovered,referred recovered
        payer  reopen       partly_recovered,recovered,written_off,referred demanded
        funder refer        opened,demanded,partly_recovered          referred
        payer  write_off    opened,demanded,partly_recovered,referred written_off
        funder drop         opened,demanded,partly_recovered,referred written_off
        """,
    ),
    # draft → proposed → approved (another person) or rejected; back to its author; given up
    SchemeDraft: (
        "draft proposed approved rejected discarded",
        """
        author        propose   draft          proposed
        author        take_back proposed       draft
        other_manager approve   proposed       approved
        other_manager reject    proposed       rejected
        author        revise    rejected       draft
        author        discard   draft,rejected discarded
        """,
    ),
    # proposed → approved or rejected (another person); taken back
    Appropriation: (
        "proposed approved rejected taken_back",
        """
        other_manager approve   proposed approved
        other_manager reject    proposed rejected
        author        take_back proposed taken_back
        """,
    ),
    # applied → verified or refused; refused → applied; verified → closed
    Employer: (
        "applied verified refused closed",
        """
        funder   verify      applied  verified
        funder   refuse      applied  refused
        employer apply_again refused  applied
        funder   close       verified closed
        """,
    ),
    # pending → paid → allocated; failed; refunded; disputed (and back) → charged_back
    TopUp: (
        "pending paid allocated failed refunded disputed charged_back",
        """
        clock    pay         pending               paid
        clock    allocate    paid                  allocated
        employer cancel      pending               failed
        clock    fail        pending               failed
        payer    refund      paid,allocated,failed refunded
        clock    dispute     paid,allocated        disputed
        clock    restore     disputed              paid
        clock    charge_back disputed              charged_back
        """,
    ),
    # requested → noted or in_batch → paid; refused; failed (the bank did not pay it, or it came back)
    TopUpRefund: (
        "requested noted in_batch paid refused failed",
        """
        payer note     requested     noted
        payer drop_note noted        requested
        payer include  requested     in_batch
        payer take_out in_batch      requested
        payer pay      noted         paid
        payer execute  in_batch      paid
        payer fail     in_batch,paid failed
        payer refuse   requested     refused
        """,
    ),
    # opened → processing → succeeded; failed, expired; what was paid after all counts (decision 181)
    CardPayment: (
        "opened processing succeeded failed expired",
        """
        clock process opened                           processing
        clock succeed opened,processing,failed,expired succeeded
        clock fail    opened,processing                failed
        clock expire  opened                           expired
        """,
    ),
    # opened → paid, lapsed or left; what comes later moves nothing but its own money (decision 252)
    OwnTransfer: (
        "opened paid lapsed left",
        """
        clock pay   opened paid
        clock lapse opened lapsed
        clock leave opened left
        """,
    ),
    # opened → partly recovered → recovered; and more may be owed again
    PayerDebt: (
        "opened partly_recovered recovered",
        """
        clock recover_part opened,partly_recovered    partly_recovered
        clock recover_rest opened,partly_recovered    recovered
        clock owe_more     opened                     opened
        clock owe_again    partly_recovered,recovered partly_recovered
        """,
    ),
    # asked → given or denied; given → withdrawn; asked → lapsed
    Consent: (
        "asked given denied withdrawn lapsed",
        """
        learner give     asked given
        learner deny     asked denied
        learner lapse    asked lapsed
        learner withdraw given withdrawn
        """,
    ),
    # open → merged into a case, dismissed, snoozed until a moment (and then open again)
    Alert: (
        "open merged dismissed snoozed",
        """
        author merge   open,snoozed merged
        author dismiss open,snoozed dismissed
        author snooze  open         snoozed
        clock  wake    snoozed      open
        """,
    ),
    # draft → triage → assigned → investigating ⇄ waiting_evidence → decision_proposed → an outcome (another person)
    # → enforcement → closed; refused proposal → investigating; closed → reopen_pending → investigating, or not
    Case: (
        """
        draft triage assigned investigating waiting_evidence decision_proposed confirmed_fraud irregularity refuted
        inconclusive enforcement closed reopen_pending
        """,
        """
        clock         queue             draft                                             triage
        author        assign            triage                                            assigned
        author        investigate       assigned                                          investigating
        author        wait              investigating                                     waiting_evidence
        author        take_up           waiting_evidence                                  investigating
        author        propose           investigating                                     decision_proposed
        other_manager send_back         decision_proposed                                 investigating
        other_manager decide            decision_proposed                                 confirmed_fraud
        author        enforce           confirmed_fraud,irregularity,refuted,inconclusive enforcement
        author        close             enforcement                                       closed
        author        ask_reopening     closed                                            reopen_pending
        other_manager reopen            reopen_pending                                    investigating
        other_manager decline_reopening reopen_pending                                    closed
        """,
    ),
    # proposed → in force or refused (another person), taken back; in force → ended
    KnownPlace: (
        "proposed in_force refused taken_back ended",
        """
        other_manager put_in_force proposed in_force
        other_manager refuse       proposed refused
        author        take_back    proposed taken_back
        author        end          in_force ended
        """,
    ),
    # proposed → notified → rebuttal → in_force → lifted, expired, or under_appeal → upheld, varied or overturned;
    # in force at once for an urgency with a second signature; given up before it was in force
    Measure: (
        "proposed notified rebuttal in_force lifted expired under_appeal upheld varied overturned",
        """
        author        notify       proposed                                                          notified
        clock         hear         notified                                                          rebuttal
        other_manager put_in_force rebuttal                                                          in_force
        other_manager impose       proposed,notified                                                 in_force
        author        lift         proposed,notified,rebuttal,in_force,under_appeal,upheld,varied    lifted
        clock         expire       notified,rebuttal,in_force,upheld,varied                          expired
        provider      lodge_appeal in_force                                                          under_appeal
        third_manager uphold       under_appeal                                                      upheld
        third_manager vary         under_appeal                                                      varied
        third_manager overturn     under_appeal                                                      overturned
        """,
    ),
    # proposed (⇄ shadow) → in_force (another person) → replaced; refused by another, withdrawn by who proposed it
    ParameterVersion: (
        "proposed shadow in_force replaced refused withdrawn",
        """
        author        observe      proposed        shadow
        author        rest         shadow          proposed
        other_manager put_in_force proposed,shadow in_force
        other_manager refuse       proposed,shadow refused
        author        withdraw     proposed,shadow withdrawn
        other_manager replace      in_force        replaced
        """,
    ),
}


def machines() -> list[type[fsm.Machine]]:
    return [model for model in apps.get_models() if issubclass(model, fsm.Machine)]


def lines(model: type[fsm.Machine]) -> dict[str, tuple[str, set[str], str]]:
    """The table of one machine: transition → (who, sources, target)."""
    found = {}
    for line in TABLE[model][1].strip().splitlines():
        who, transition, sources, target = line.split()
        found[transition] = (who, set(sources.split(",")), target)
    return found


def arguments(rows: Rows, model: type[fsm.Machine], transition: str) -> dict[str, Any]:
    now = clock.now()
    if model in (Accreditation, ListingClaim, MicroCredential, Session):
        dated = {"at": now}
        return dated | {"valid_from": None, "valid_until": None} if transition == "accredit" else dated
    if (model, transition) == (Alert, "merge"):
        return {"case": Case.objects.first() or rows.started(Case, "investigating")}
    if (model, transition) == (ParameterVersion, "put_in_force"):
        tried: Any = rows.make[ParameterVersion]("in_force")
        return {"by": rows.other_manager, "back_test": tried.back_test, "decision": "row"}
    given: dict[tuple[type[fsm.Machine], str], dict[str, Any]] = {
        (AccountChange, "confirm"): {"by": rows.manager, "at": now, "cooling_until": now},
        (AccountChange, "approve"): {"by": rows.other_manager, "at": now},
        (AccountChange, "take_effect"): {"at": now},
        (AccountChange, "stop"): {"at": now},
        (AccountChange, "refuse"): {"at": now},
        (AccountChange, "take_back"): {"at": now},
        (IdentityClaim, "ask"): {"question": "Where?"},
        (IdentityClaim, "give_answer"): {"answer": "There."},
        (IdentityClaim, "propose"): {"citizen": rows.learner.citizen, "proposer": rows.manager},
        (IdentityClaim, "match"): {"citizen": rows.learner.citizen, "decider": rows.manager},
        (IdentityClaim, "confirm"): {"decider": rows.manager},
        (IdentityClaim, "create"): {"citizen": rows.learner.citizen, "decider": rows.manager},
        (IdentityClaim, "refuse"): {"decider": rows.manager},
        (Award, "revoke"): {"at": now, "because": "error"},
        (Booking, "propose"): {"price_cents": 100, "accept_due": now, "late": False},
        (Booking, "accept"): {"scheme_version": version_on(rows.world.scheme, now.date())},
        (Booking, "apply"): {"scheme_version": version_on(rows.world.scheme, now.date())},
        (Booking, "grant"): {"scheme_version": version_on(rows.world.scheme, now.date())},
        (Booking, "refuse_by_provider"): {"late": False},
        (Booking, "cancel_by_learner"): {"price_owed": False},
        (Booking, "declare_no_show"): {"price_owed": False},
        (Booking, "enter"): {"late": False},
        (Booking, "leave"): {"exit_reason": "complete", "late": False},
        (Booking, "declare_service"): {"percent": 50, "validation_due": now},
        (Booking, "dispute"): {"state_before": "accepted"},
        (Booking, "reinstate"): {"state": "cancelled_by_learner"},
        (Claim, "approve"): {"approver": rows.world.second_payer},
        (PaymentBatch, "approve"): {"approver": rows.world.second_payer},
        (Receivable, "recover_part"): {"amount_cents": 1},
        (Receivable, "reopen"): {"amount_cents": 0},
        (Receivable, "demand"): {"due_on": now.date()},
        (Appropriation, "approve"): {"approver": rows.other_manager, "at": now},
        (Appropriation, "reject"): {"approver": rows.other_manager, "at": now},
        (SchemeDraft, "propose"): {"at": now},
        (SchemeDraft, "approve"): {
            "approver": rows.other_manager,
            "at": now,
            "scheme": rows.world.scheme,
            "version": version_on(rows.world.scheme, now.date()),
        },
        (SchemeDraft, "reject"): {"approver": rows.other_manager, "at": now},
        (Employer, "refuse"): {"why": "unknown"},
        (Employer, "close"): {"why": "gone"},
        (TopUpRefund, "note"): {"bank_reference": "T1", "by": rows.world.payer},
        (TopUpRefund, "pay"): {"by": rows.world.second_payer},
        (TopUpRefund, "include"): {
            "batch": rows.refund_batch,
            "end_to_end_id": "E2",
            "creditor_name": "Ateliers",
        },
        (TopUpRefund, "execute"): {"at": now},
        (TopUpRefund, "fail"): {"outcome": "rejected", "reason_code": "AC04"},
        (CardPayment, "process"): {"paid_by": "sepa_debit"},
        (CardPayment, "succeed"): {"paid_by": "card", "intent_id": "pi_1"},
        (CardPayment, "fail"): {"failure": "card_declined"},
        (PayerDebt, "recover_part"): {"amount_cents": 1},
        (PayerDebt, "owe_more"): {"amount_cents": 1},
        (PayerDebt, "owe_again"): {"amount_cents": 1},
        (Alert, "snooze"): {"until": now},
        (Case, "queue"): {"on": now.date()},
        (Case, "assign"): {"investigator": rows.manager},
        (Case, "wait"): {"until": now},
        (Case, "propose"): {"outcome": "refuted", "proposal": "row", "by": rows.manager},
        (Case, "decide"): {"by": rows.other_manager},
        (Case, "ask_reopening"): {"by": rows.manager},
        (KnownPlace, "put_in_force"): {"by": rows.other_manager, "at": now},
        (KnownPlace, "refuse"): {"by": rows.other_manager, "at": now},
        (KnownPlace, "end"): {"at": now},
        (Measure, "notify"): {"at": now, "answer_due_at": now + datetime.timedelta(days=10)},
        (Measure, "hear"): {"at": now},
        (Measure, "put_in_force"): {"by": rows.other_manager, "at": now},
        (Measure, "impose"): {
            "by": rows.other_manager,
            "at": now,
            "urgency": "row",
            "urgent_by": rows.manager,
            "answer_due_at": now,
            "hearing_due_at": now,
        },
        (Measure, "lift"): {"at": now},
        (Measure, "expire"): {"at": now},
        (Measure, "lodge_appeal"): {"at": now, "appeal": "row"},
        (Measure, "uphold"): {"by": rows.third_manager},
        (Measure, "vary"): {"by": rows.third_manager},
        (Measure, "overturn"): {"by": rows.third_manager, "at": now},
        (ParameterVersion, "refuse"): {"by": rows.other_manager, "decision": "row"},
        (Consent, "give"): {"sign_in": rows.learner.sign_in, "text": "shown"},
    }
    return given.get((model, transition), {})


def test_every_machine_is_in_the_table() -> None:
    assert {model._meta.label for model in machines()} == {model._meta.label for model in TABLE}


@pytest.mark.parametrize("model", TABLE, ids=lambda model: model.__name__)
def test_states_and_transitions_are_those_of_the_table(model: type[fsm.Machine]) -> None:
    states = TABLE[model][0].split()
    field = fsm.machine_field(model)
    if field.choices:
        assert {value for value, _ in field.choices} == set(states)
    assert fsm.transitions_of(model).keys() == lines(model).keys()
    assert {source for _, sources, _ in lines(model).values() for source in sources} <= set(states)
    assert {target for _, _, target in lines(model).values()} <= set(states)
    # No machine moves from anywhere: a new state would be let through unseen.
    assert not {one.source for one in field.get_all_transitions(model)} & {"*", "+"}
    names = {"state_is_logged"} & {trigger.name for trigger in model._meta.triggers}  # type: ignore[attr-defined]
    assert names, f"{model.__name__} has no guard in the database"


@pytest.mark.parametrize("model", TABLE, ids=lambda model: model.__name__)
def test_every_pair_is_allowed_or_refused_as_the_table_says(model: type[fsm.Machine]) -> None:
    with clock.at(MONDAY):
        rows = Rows()
        tried = 0
        for state in TABLE[model][0].split():
            before = transaction.savepoint()
            row = rows.started(model, state)
            for transition, (who, sources, target) in lines(model).items():
                sid = transaction.savepoint()
                (locked,) = locks.acquire(locks.lock(model, row.pk))
                pair = f"{model.__name__}: {transition} from {state}"
                given = arguments(rows, model, transition)
                if state in sources:
                    log = fsm.apply(locked, transition, actor=rows.actor_for(who), reason="why", **given)
                    stored = values_of(row)
                    assert stored["state"] == target, pair
                    assert (log.source, log.target, log.reason) == (state, target, "why"), pair
                    assert log_of(row).filter(pk=log.pk, at=MONDAY, actor=rows.actor_for(who)).exists(), pair
                else:
                    refuse(locked, transition, actor=rows.actor_for(who), pair=pair, **given)
                transaction.savepoint_rollback(sid)
                tried += 1
            transaction.savepoint_rollback(before)
    assert tried == len(TABLE[model][0].split()) * len(lines(model))


def refuse(row: fsm.Machine, transition: str, *, actor: Any, pair: str, **given: Any) -> None:
    stored, logged = values_of(row), log_of(row).count()
    with pytest.raises(DomainError) as refusal:
        fsm.apply(row, transition, actor=actor, **given)
    assert refusal.value.code == "not_allowed", pair
    assert refusal.value.params == {"transition": transition, "state": stored["state"]}, pair
    assert values_of(row) == stored, pair
    assert log_of(row).count() == logged, pair
    assert row.state == stored["state"], pair


def values_of(row: models.Model) -> dict[str, Any]:
    return dict(type(row)._base_manager.filter(pk=row.pk).values().get())


def log_of(row: fsm.Machine) -> models.QuerySet[fsm.TransitionLog]:
    log: Any = type(row).log_model._base_manager
    return log.filter(subject=row.pk)


def test_a_dispute_goes_back_to_each_state_it_may_come_from() -> None:
    came_from = lines(Booking)["dispute"][1]
    with clock.at(MONDAY):
        rows = Rows()
        for state in sorted(came_from):
            sid = transaction.savepoint()
            booking = rows.started(Booking, state)
            (locked,) = locks.acquire(locks.lock(Booking, booking.pk))
            fsm.apply(locked, "dispute", actor=rows.learner.user, state_before=state)
            assert values_of(booking)["state"] == "disputed"
            fsm.apply(locked, "reject_dispute", actor=rows.world.case_worker)
            assert values_of(booking)["state"] == state
            transaction.savepoint_rollback(sid)


def test_timestamps_are_in_utc() -> None:
    with clock.at(MONDAY):
        booking = Rows().started(Booking, "accepted")
    assert booking.log.get().at.tzinfo == datetime.UTC  # type: ignore[attr-defined]
