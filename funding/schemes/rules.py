"""One version of a scheme's rules: typed parameters, each with its unit and the id of the rule it expresses.

A version never changes once a booking was made under it: a rule change is a new version with a later
`valid_from`. A parameter that is None says that the scheme has no such rule. Schemes of a new kind are
served by further parameters with a default that changes nothing for the others.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from funding.schemes.coherence import contradictions
from funding.schemes.parameters import AgeCredit, Cents, Count, Flag, Percent, Positive, Years, parameter
from funding.schemes.vocabulary import Conduct, Endowment, ExitReason, Kind, Source, Status
from ila.core.calendars import WorkingCalendar, calendar_for


class SchemeRules(BaseModel):
    """The complete rules of one scheme from one day on. Money in cents of `currency`; wd = working days.

    Raises: pydantic.ValidationError (a ValueError) for values that are wrong or contradict each other;
    `parsing.parse_rules` names every fault at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The place.
    currency: Annotated[
        str,
        Field(pattern=r"^[A-Z]{3}$"),
        parameter("", "ISO 4217", "Currency of every amount of the scheme."),
    ]
    country: Annotated[
        str, parameter("", "ISO 3166", "Country whose public holidays are no working days of the scheme.")
    ]
    timezone: Annotated[
        str, parameter("", "IANA name", "Time zone in which the scheme's days begin and end.")
    ]

    rulebook: Annotated[
        Literal["F", "N", "S"] | None,
        parameter("", "choice", "Whose rule ids are cited to learners and providers; none: no ids."),
    ] = None

    # What a learner receives.
    accrual: Annotated[
        Literal["none", "yearly_by_hours", "yearly", "once"],
        parameter(
            "F-01",
            "choice",
            "How rights come: not by themselves, each year by hours worked or flat, or once.",
        ),
    ] = "none"
    age_credits: Annotated[
        tuple[AgeCredit, ...],
        parameter(
            "S-01", "credits", "Credits given at an age, or on a day to whoever is old enough by then."
        ),
    ] = ()
    lifetime_credit_cents: Annotated[
        Cents | None, parameter("", "cents", "The most that accruals give one person in a lifetime.")
    ] = None
    wait_years_when_used: Annotated[
        Years | None,
        parameter(
            "", "years", "Years after the acceptance that emptied the account until it is given again."
        ),
    ] = None
    accrual_statuses: Annotated[
        tuple[Status, ...], parameter("F-01", "statuses", "Who receives the yearly credit.")
    ] = ()
    yearly_credit_cents: Annotated[Cents | None, parameter("F-01", "cents", "Credit of a full year.")] = None
    cap_cents: Annotated[
        Cents | None,
        parameter("F-01", "cents", "Rights, available and held, above which no yearly credit is given."),
    ] = None
    cap_sources: Annotated[
        tuple[Source, ...], parameter("F-04", "sources", "Sources that count towards the cap.")
    ] = ("rights",)
    full_year_hours: Annotated[
        Positive | None, parameter("F-02", "hours", "Hours worked that make a full year.")
    ] = None
    full_credit_percent: Annotated[
        Percent,
        parameter("F-01", "percent", "Share of a full year's hours from which the whole credit is given."),
    ] = 50
    yearly_credit_low_qualified_cents: Annotated[
        Cents | None, parameter("F-03", "cents", "Credit of a full year for the low-qualified.")
    ] = None
    cap_low_qualified_cents: Annotated[
        Cents | None, parameter("F-03", "cents", "Cap on the rights of the low-qualified.")
    ] = None
    low_qualified_below_level: Annotated[
        Count | None, parameter("F-03", "level", "Qualification level below which one is low-qualified.")
    ] = None
    low_qualified_if_disabled: Annotated[
        Flag, parameter("F-03", "yes or no", "Whether a disabled worker counts as low-qualified.")
    ] = False
    endowment_least_cents: Annotated[
        dict[Endowment, Cents],
        parameter("F-05", "cents by kind", "The least that an endowment of a kind must be."),
    ] = Field(default_factory=dict)
    validity_months: Annotated[
        Positive | None, parameter("", "months", "Months after which a credit expires; none: never.")
    ] = None

    # What may be booked, and by whom.
    bookable_kinds: Annotated[
        tuple[Kind, ...],
        Field(min_length=1),
        parameter("F-17", "kinds", "Kinds of credentials that may be booked."),
    ]
    accreditation: Annotated[
        Literal["provider", "programme", "both", "supervisory"],
        parameter("F-17", "choice", "Whose accreditation a booking needs."),
    ] = "provider"
    strong_identity_required: Annotated[
        Flag,
        parameter("F-32", "yes or no", "Whether a learner accepts only with a strong electronic identity."),
    ] = True
    light_licence_refused_holding: Annotated[
        tuple[str, ...],
        parameter(
            "F-15", "licence classes", "Who holds one of these licences gets no light driving licence."
        ),
    ] = ()
    light_licence_conditional: Annotated[
        Flag,
        parameter(
            "F-14", "yes or no", "Whether a light licence needs one of the statuses or the co-funding below."
        ),
    ] = False
    light_licence_statuses: Annotated[
        tuple[Status, ...], parameter("F-14", "statuses", "Who may book a light licence without co-funding.")
    ] = ()
    light_licence_cofunding_sources: Annotated[
        tuple[Source, ...],
        parameter(
            "F-14", "sources", "Money that is co-funding when the booking draws at least a cent of it."
        ),
    ] = ()

    min_age_years: Annotated[Years | None, parameter("N-02", "years", "Youngest age of a learner.")] = None
    max_age_months: Annotated[
        dict[int, Positive],
        parameter(
            "N-02", "months by year", "Pension age in months: from it on nobody is eligible that year."
        ),
    ] = Field(default_factory=dict)
    min_insured_months: Annotated[
        Count | None, parameter("N-02", "months", "Months insured in the last two years, at least.")
    ] = None
    student_finance_excludes: Annotated[
        Flag, parameter("N-02", "yes or no", "Whether who receives student finance is not eligible.")
    ] = False
    citizens_only: Annotated[
        Flag, parameter("S-01", "yes or no", "Whether only citizens of the country are eligible.")
    ] = False
    residents_only: Annotated[
        Flag, parameter("", "yes or no", "Whether only residents of the country are eligible.")
    ] = False
    income_limit_cents: Annotated[
        Cents | None, parameter("", "cents", "Yearly income above which a learner is not eligible.")
    ] = None
    exclusion_max_months: Annotated[
        Count | None, parameter("N-09", "months", "Longest exclusion of whoever is at fault for a breach.")
    ] = None
    suspended_for_false_information: Annotated[
        Flag, parameter("S-10", "yes or no", "Whether false information suspends the account.")
    ] = False
    min_hours: Annotated[Positive | None, parameter("", "hours", "Shortest training that may be booked.")] = (
        None
    )
    max_hours: Annotated[Positive | None, parameter("", "hours", "Longest training that may be booked.")] = (
        None
    )
    max_hours_per_day: Annotated[
        Positive | None, parameter("", "hours", "Most hours of training on one day.")
    ] = None
    no_sundays: Annotated[Flag, parameter("", "yes or no", "Whether no training takes place on Sundays.")] = (
        False
    )

    # Who pays what.
    funding: Annotated[
        Literal["account", "window", "reimbursement"],
        parameter(
            "N-03",
            "choice",
            "Public money comes from the account, a window's budget, or to the learner afterwards.",
        ),
    ] = "account"
    public_share_percent: Annotated[
        Percent | None, parameter("", "percent", "The most of a price that public money pays.")
    ] = None
    later_share_percent: Annotated[
        Percent | None, parameter("", "percent", "The same from a person's second booking on.")
    ] = None
    later_share_by_kind: Annotated[
        dict[Kind, Percent], parameter("", "percent by kind", "The same for some kinds.")
    ] = Field(default_factory=dict)
    later_share_from_budget: Annotated[
        Flag,
        parameter("", "yes or no", "Whether a later share that the account lacks comes from the budget."),
    ] = False
    first_booking_cents: Annotated[
        Cents | None, parameter("", "cents", "The most that public money pays of a person's first booking.")
    ] = None
    public_cents_per_hour: Annotated[
        Cents | None, parameter("", "cents", "The most that public money pays for each planned hour.")
    ] = None
    reimbursement_percent: Annotated[
        Percent | None, parameter("", "percent", "Share of the price that the learner is given back.")
    ] = None
    reimbursement_cap_cents: Annotated[
        Cents | None, parameter("", "cents", "The most that the learner is given back.")
    ] = None
    draw_order: Annotated[
        tuple[tuple[Source, ...], ...],
        Field(min_length=1),
        parameter(
            "F-07", "classes of sources", "Classes drawn one after the other; within one, what expires first."
        ),
    ]
    source_kinds: Annotated[
        dict[Source, tuple[Kind, ...]],
        parameter(
            "S-04", "kinds by source", "Sources that pay for some kinds only; a source not named pays all."
        ),
    ] = Field(default_factory=dict)
    participation_mode: Annotated[
        Literal["max", "sum"] | None,
        parameter(
            "F-12", "choice", "The learner pays the greater of participation and shortfall, or their sum."
        ),
    ] = None
    participation_cents: Annotated[
        Cents, parameter("F-08", "cents", "The learner's own participation in each booking.")
    ] = 0
    participation_exempt_statuses: Annotated[
        tuple[Status, ...], parameter("F-10", "statuses", "Who pays no participation.")
    ] = ()
    participation_exempt_sources: Annotated[
        tuple[Source, ...],
        parameter(
            "F-10", "sources", "An employer's money: no participation when the booking draws a cent of it."
        ),
    ] = ()
    participation_exempt_prevention_account: Annotated[
        Flag, parameter("F-10", "yes or no", "Whether holders of a prevention account pay no participation.")
    ] = False
    participation_exempt_incapacity_percent: Annotated[
        Percent | None,
        parameter("F-10", "percent", "Incapacity after a work accident from which no participation is due."),
    ] = None
    usage_cap_cents: Annotated[
        dict[Kind, Cents],
        parameter("F-13", "cents by kind", "The most that the capped sources pay in one booking."),
    ] = Field(default_factory=dict)
    usage_cap_sources: Annotated[
        tuple[Source, ...], parameter("F-13", "sources", "Sources that the usage cap limits, together.")
    ] = ("rights",)
    usage_cap_exempt_codes: Annotated[
        tuple[str, ...], parameter("F-13", "codes", "Register codes to which no usage cap applies (CléA).")
    ] = ()
    shortfall_to_learner: Annotated[
        Flag,
        parameter(
            "F-13", "yes or no", "Whether the learner may pay what rights do not cover; else `usage_cap`."
        ),
    ] = True

    # Deadlines of a booking.
    provider_answer_wd: Annotated[Count | None, parameter("F-20", "wd", "Provider answers a request.")] = None
    prerequisites_ack_wd: Annotated[
        Count | None, parameter("F-20", "wd", "Provider acknowledges a request with prerequisites.")
    ] = None
    prerequisites_decision_days: Annotated[
        Count | None, parameter("F-20", "days", "Provider decides on a request with prerequisites.")
    ] = None
    learner_accept_wd: Annotated[Count | None, parameter("F-21", "wd", "Learner accepts a proposal.")] = None
    min_notice_wd: Annotated[
        Count | None, parameter("F-22", "wd", "From sending the proposal to the start, at least.")
    ] = None
    withdrawal_wd: Annotated[
        Count | None, parameter("F-23", "wd", "Learner withdraws without a reason, after accepting.")
    ] = None
    own_refund_days: Annotated[Count | None, parameter("F-23", "days", "Own money is back.")] = None
    cancel_free_wd: Annotated[
        Count | None, parameter("F-24", "wd", "Start this far away or farther: cancelling is free.")
    ] = None
    cancel_free_days: Annotated[
        Count | None, parameter("S-08", "days", "Start this many days away or more: cancelling is free.")
    ] = None
    entry_wd: Annotated[
        Count | None, parameter("F-26", "wd", "Provider declares the entry, after the start.")
    ] = None
    exit_wd: Annotated[Count | None, parameter("F-26", "wd", "Provider declares the exit, after it.")] = None
    auto_validate_wd: Annotated[
        Count | None, parameter("F-27", "wd", "A declared service validates itself.")
    ] = None
    payment_days: Annotated[
        Count | None, parameter("F-31", "days", "Provider is paid, after the invoice.")
    ] = None
    second_approval_above_cents: Annotated[
        Cents | None, parameter("", "cents", "Claims of a booking above this are approved by two persons.")
    ] = None
    netting_percent: Annotated[
        Percent | None,
        parameter("", "percent", "The most that is kept of a payment for what its provider owes back."),
    ] = None
    debt_term_days: Annotated[
        Count | None, parameter("", "days", "Provider pays back what it owes, after the demand.")
    ] = None
    debt_interest_basis_points: Annotated[
        Count | None,
        parameter("", "basis points", "Simple interest of a year on what is owed after that term."),
    ] = None
    no_show_suspension_min_days: Annotated[
        Count | None, parameter("F-25", "days", "Shortest suspension of an account after a no-show.")
    ] = None
    no_show_suspension_max_days: Annotated[
        Count | None, parameter("F-25", "days", "Longest suspension of an account after a no-show.")
    ] = None

    # The service and its payment.
    exit_reasons: Annotated[
        tuple[ExitReason, ...],
        parameter("F-29", "reasons", "Reasons of an exit; all pay by the realised share."),
    ] = ("complete", "learner", "provider_postponed", "provider", "force_majeure")
    attendance_min_percent: Annotated[
        Percent | None, parameter("N-08", "percent", "Attendance that makes a training complete.")
    ] = None
    certificate_required: Annotated[
        Flag, parameter("", "yes or no", "Whether only a certificate makes a training complete.")
    ] = False
    advance_percent: Annotated[Percent | None, parameter("F-31", "percent", "Advance on the price.")] = None
    advance_min_months: Annotated[
        Count | None, parameter("F-31", "months", "An advance is paid when the training is longer.")
    ] = None
    advance_after_days: Annotated[
        Count | None, parameter("F-31", "days", "From the entry to the advance.")
    ] = None
    claim_lead_days: Annotated[
        Count | None, parameter("N-07", "days", "Provider may claim this long before the start.")
    ] = None
    proof_months: Annotated[
        Count | None, parameter("N-10", "months", "Proof of completion, after the end.")
    ] = None

    # Grants.
    grant_cents: Annotated[Cents | None, parameter("N-01", "cents", "The most that one grant pays.")] = None
    grant_ceiling: Annotated[
        Count | None, parameter("N-11", "grants", "Grants per programme, provider and calendar year.")
    ] = None
    start_min_days: Annotated[
        Count | None, parameter("N-05", "days", "From the application to the start, at least.")
    ] = None
    start_max_months: Annotated[
        Count | None, parameter("N-05", "months", "From the window's end to the start, at most.")
    ] = None
    use_days_before_start: Annotated[
        Count | None, parameter("S-06", "days", "Credit is used at the earliest this long before the start.")
    ] = None
    once: Annotated[
        Literal["per_year", "ever"] | None, parameter("N-01", "choice", "How often a person may be granted.")
    ] = None
    withdrawn_grant_counts: Annotated[
        Flag, parameter("N-01", "yes or no", "Whether a grant whose money all went back still counts as one.")
    ] = True
    decision_days: Annotated[
        Count | None, parameter("N-06", "days", "From the application to the decision, at most.")
    ] = None
    keeps_struck_off: Annotated[
        Flag,
        parameter("N-14", "yes or no", "Whether a programme struck off after the grant is still funded."),
    ] = False

    # Providers, and what is asked of everybody.
    listing_admissibility_wd: Annotated[
        Count | None, parameter("F-34", "wd", "Whether a provider's application is complete is answered.")
    ] = None
    listing_decision_months: Annotated[
        Count | None, parameter("F-34", "months", "A provider's application is decided.")
    ] = None
    subcontract_max_percent: Annotated[
        Percent | None, parameter("F-35", "percent", "Share of a year's turnover that may be subcontracted.")
    ] = None
    outcome_survey_months: Annotated[
        Count | None, parameter("S-15", "months", "From the last day to the survey of outcomes.")
    ] = None
    low_rated_suspension_months: Annotated[
        Count | None, parameter("S-16", "months", "Suspension of the lowest-rated courses.")
    ] = None
    renewal_min_attendance_percent: Annotated[
        Percent | None, parameter("S-16", "percent", "Attendance that a course needs to be renewed.")
    ] = None
    renewal_min_survey_percent: Annotated[
        Percent | None, parameter("S-16", "percent", "Survey response that a course needs to be renewed.")
    ] = None
    deregistered_grade: Annotated[
        Count | None, parameter("S-17", "grade", "Provider grade from which a provider is deregistered.")
    ] = None
    reapply_months: Annotated[
        Count | None, parameter("S-17", "months", "After which a deregistered provider may apply again.")
    ] = None
    conduct: Annotated[
        tuple[Conduct, ...],
        parameter(
            "F-33", "rule ids", "Rules of conduct that are shown with the scheme and sanctioned by people."
        ),
    ] = ()

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        faults = list(contradictions(self))
        if faults:
            raise ValueError("; ".join(str(fault) for fault in faults))
        return self

    @property
    def calendar(self) -> WorkingCalendar:
        """The working days of the scheme's country, counted in its time zone."""
        return calendar_for(self.country, self.timezone)

    @property
    def pays_in_advance(self) -> bool:
        """Whether a provider may claim before the service is done (N-07); recovery is then a person's decision."""
        return self.claim_lead_days is not None
