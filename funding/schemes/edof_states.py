"""EDOF's own names of a booking's states, to and from ours, and of its billing, from a claim's.

EDOF joins states that we keep apart (who pays after the service is one of its billing names), and knows no
dispute: a disputed booking shows the state it was disputed in.
"""

from typing import Final

TO_EDOF: Final[dict[str, str]] = {
    "requested": "notProcessed",
    "proposed": "validated",
    "accepted": "accepted",
    "in_training": "inTraining",
    "left": "terminated",
    "service_declared": "serviceDoneDeclared",
    "service_validated": "serviceDoneValidated",
    "settled": "serviceDoneValidated",
    "refused_by_provider": "refusedByOrganism",
    "refused_by_learner": "refusedByAttendee",
    "withdrawn": "canceledByAttendee",
    "cancelled_by_learner": "canceledByAttendee",
    "cancelled_by_provider": "canceledByOrganism",
    "cancelled_by_funder": "canceledByFinancer",
    "no_show": "canceledByAttendeeNotRealized",
}
"""Our state → EDOF's. `lapsed` and `disputed` depend on the state before: see `to_edof`."""

FROM_EDOF: Final[dict[str, str]] = {
    "notProcessed": "requested",
    "validated": "proposed",
    "waitingAcceptation": "proposed",
    "accepted": "accepted",
    "inTraining": "in_training",
    "terminated": "left",
    "serviceDoneDeclared": "service_declared",
    "serviceDoneValidated": "service_validated",
    "canceledByAttendee": "cancelled_by_learner",
    "canceledByAttendeeNotRealized": "no_show",
    "canceledByOrganism": "cancelled_by_provider",
    "canceledByFinancer": "cancelled_by_funder",
    "refusedByAttendee": "refused_by_learner",
    "refusedByOrganism": "refused_by_provider",
    "refusedByFinancer": "cancelled_by_funder",
    "rejectedWithoutTitulaireSuite": "lapsed",
    "rejectedWithoutOfSuite": "lapsed",
}
"""EDOF's state → ours. A validated service whose bill is paid is `settled`: see `from_edof`."""

_LAPSED: Final[dict[str, str]] = {
    "requested": "rejectedWithoutOfSuite",  # the provider never answered
    "proposed": "rejectedWithoutTitulaireSuite",  # the learner never accepted
}

BILLING: Final[dict[str, str]] = {
    "draft": "toBill",
    "submitted": "billed",
    "approved": "billed",
    "in_batch": "billed",
    "returned": "billed",
    "rejected": "toBill",
    "paid": "paid",
}
"""A claim's state → EDOF's billing name."""


def to_edof(state: str, *, before: str | None = None) -> str:
    """EDOF's name of a booking's state. `before`: the state it lapsed from, or was disputed in.

    Raises: LookupError for an unknown state, or a lapsed or disputed booking without `before`.
    """
    if state == "lapsed":
        return _LAPSED[before or ""]
    if state == "disputed":
        return TO_EDOF[before or ""]
    return TO_EDOF[state]


def from_edof(name: str, *, billing: str | None = None) -> str:
    """Our state of a booking that EDOF names so; `billing` is EDOF's billing name.

    Raises: LookupError for an unknown name.
    """
    state = FROM_EDOF[name]
    return "settled" if state == "service_validated" and billing == "paid" else state


def billing_name(claim_state: str | None, *, claimable: bool) -> str:
    """EDOF's billing name: of the claim, or, without one, whether there is anything to bill.

    Raises: LookupError for an unknown claim state.
    """
    if claim_state is None:
        return "toBill" if claimable else "notBillable"
    return BILLING[claim_state]
