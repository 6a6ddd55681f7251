"""EDOF's state names, both ways."""

import pytest

from funding.schemes.edof_states import BILLING, FROM_EDOF, TO_EDOF, billing_name, from_edof, to_edof

OURS = [
    "requested",
    "proposed",
    "accepted",
    "in_training",
    "left",
    "service_declared",
    "service_validated",
    "settled",
    "refused_by_provider",
    "refused_by_learner",
    "lapsed",
    "withdrawn",
    "cancelled_by_learner",
    "cancelled_by_provider",
    "cancelled_by_funder",
    "no_show",
    "disputed",
]
EDOF = [
    "notProcessed",
    "validated",
    "waitingAcceptation",
    "accepted",
    "inTraining",
    "terminated",
    "serviceDoneDeclared",
    "serviceDoneValidated",
    "canceledByAttendee",
    "canceledByAttendeeNotRealized",
    "canceledByOrganism",
    "canceledByFinancer",
    "refusedByAttendee",
    "refusedByOrganism",
    "refusedByFinancer",
    "rejectedWithoutTitulaireSuite",
    "rejectedWithoutOfSuite",
]
CLAIM_STATES = ["draft", "submitted", "approved", "in_batch", "paid", "rejected", "returned"]


def test_every_name_is_known_both_ways() -> None:
    assert {*TO_EDOF, "lapsed", "disputed"} == set(OURS)
    assert set(FROM_EDOF) == set(EDOF)
    assert set(FROM_EDOF.values()) <= set(OURS)
    assert set(TO_EDOF.values()) <= set(EDOF)


@pytest.mark.parametrize("state", sorted(set(TO_EDOF) - {"settled", "withdrawn"}))
def test_there_and_back(state: str) -> None:
    assert from_edof(to_edof(state)) == state


def test_states_that_edof_joins() -> None:
    assert to_edof("settled") == to_edof("service_validated") == "serviceDoneValidated"
    assert from_edof("serviceDoneValidated", billing="paid") == "settled"
    assert from_edof("serviceDoneValidated", billing="billed") == "service_validated"
    assert from_edof("accepted", billing="paid") == "accepted"
    assert to_edof("withdrawn") == to_edof("cancelled_by_learner") == "canceledByAttendee"


def test_lapsed_and_disputed_depend_on_what_was_before() -> None:
    assert to_edof("lapsed", before="requested") == "rejectedWithoutOfSuite"
    assert to_edof("lapsed", before="proposed") == "rejectedWithoutTitulaireSuite"
    assert to_edof("disputed", before="in_training") == "inTraining"
    for state in ("lapsed", "disputed", "unknown"):
        with pytest.raises(LookupError):
            to_edof(state)
    with pytest.raises(LookupError):
        from_edof("unknown")


def test_billing_names() -> None:
    assert set(BILLING) == set(CLAIM_STATES)
    assert {billing_name(state, claimable=True) for state in CLAIM_STATES} == {"toBill", "billed", "paid"}
    assert billing_name(None, claimable=True) == "toBill"
    assert billing_name(None, claimable=False) == "notBillable"
    with pytest.raises(LookupError):
        billing_name("unknown", claimable=True)
