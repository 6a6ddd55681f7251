"""The course of a booking in plain words: asking, cancelling, refunds, the end, and what providers have to do."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from funding.schemes import wording as w
from funding.schemes.rules import SchemeRules
from funding.schemes.saying import Sentence, say
from funding.schemes.vocabulary import EXIT_REASONS
from ila.core.countries import country_name


def terms(rules: SchemeRules) -> Iterator[Sentence]:
    """What happens until when, from the request to the start."""
    found = list(_terms(rules))
    if not found:
        yield say(_("No term is set for the answers of providers and learners."))
    yield from found
    yield say(
        _(
            "Days are counted in the time zone %(zone)s; working days leave out the public holidays of: %(country)s."
        ),
        "",
        "timezone",
        "country",
        zone=rules.timezone,
        country=country_name(rules.country),
    )


def _terms(rules: SchemeRules) -> Iterator[Sentence]:
    if rules.provider_answer_wd is not None:
        yield say(
            _("The provider answers your request within %(days)s."),
            "F-20",
            "provider_answer_wd",
            days=w.working_days(rules.provider_answer_wd),
        )
    if rules.prerequisites_ack_wd is not None:
        yield say(
            _(
                "Where the training has prerequisites, the provider acknowledges your request within %(first)s "
                "and decides within %(then)s."
            ),
            "F-20",
            "prerequisites_ack_wd",
            "prerequisites_decision_days",
            first=w.working_days(rules.prerequisites_ack_wd),
            then=w.days(rules.prerequisites_decision_days or 0),
        )
    if rules.learner_accept_wd is not None:
        yield say(
            _("You accept a proposal within %(days)s, or it lapses."),
            "F-21",
            "learner_accept_wd",
            days=w.working_days(rules.learner_accept_wd),
        )
    if rules.min_notice_wd is not None:
        yield say(
            _("The training starts %(days)s after the proposal at the earliest."),
            "F-22",
            "min_notice_wd",
            days=w.working_days(rules.min_notice_wd),
        )
    if rules.use_days_before_start is not None:
        yield say(
            _("You can use your credit %(days)s before the start at the earliest."),
            "S-06",
            "use_days_before_start",
            days=w.days(rules.use_days_before_start),
        )
    if rules.start_min_days is not None:
        yield say(
            _("The training starts %(days)s after your application or later."),
            "N-05",
            "start_min_days",
            days=w.days(rules.start_min_days),
        )
    if rules.start_max_months is not None:
        yield say(
            _("It starts within %(months)s after the window has closed."),
            "N-05",
            "start_max_months",
            months=w.months(rules.start_max_months),
        )
    if rules.decision_days is not None:
        yield say(
            _("Your application is decided within %(days)s."),
            "N-06",
            "decision_days",
            days=w.days(rules.decision_days),
        )


def cancel(rules: SchemeRules) -> Iterator[Sentence]:
    """Until when a learner gets out, and what it costs after that."""
    if rules.withdrawal_wd is not None:
        yield say(
            _("For %(days)s after accepting you may withdraw without a reason, until the training starts."),
            "F-23",
            "withdrawal_wd",
            days=w.working_days(rules.withdrawal_wd),
        )
    if rules.cancel_free_wd is not None:
        yield say(
            _(
                "You may cancel for nothing while the start is %(days)s away or more. After that the full price "
                "is owed."
            ),
            "F-24",
            "cancel_free_wd",
            days=w.working_days(rules.cancel_free_wd),
        )
    if rules.cancel_free_days is not None:
        yield say(
            _(
                "You may cancel for nothing while the start is %(days)s away or more. After that the full price "
                "is owed."
            ),
            "S-08",
            "cancel_free_days",
            days=w.days(rules.cancel_free_days),
        )
    if rules.cancel_free_wd is None and rules.cancel_free_days is None:
        yield say(_("You may cancel for nothing until the training starts."))
    yield say(
        _("If something beyond your control keeps you away, cancelling before the start costs nothing.")
    )
    yield say(_("If you do not come and give no reason, the full price is owed."), "F-25")
    if rules.no_show_suspension_min_days is not None:
        yield say(
            _("Your account may then be suspended, for %(least)s to %(most)s."),
            "F-25",
            "no_show_suspension_min_days",
            "no_show_suspension_max_days",
            least=w.days(rules.no_show_suspension_min_days),
            most=w.days(rules.no_show_suspension_max_days or 0),
        )


def refund(rules: SchemeRules) -> Iterator[Sentence]:
    """Where money goes when a booking ends early."""
    if rules.funding == "window":
        yield say(_("A grant that is not used goes back to the funder; your own money goes back to you."))
    elif rules.funding == "reimbursement":
        yield say(_("What you paid for training that did not take place, the provider gives you back."))
    else:
        yield say(_("Everything goes back to where it came from, to the cent: to your account, and to you."))
    if rules.own_refund_days is not None:
        yield say(
            _("Your own money is back within %(days)s."),
            "F-23",
            "own_refund_days",
            days=w.days(rules.own_refund_days),
        )
    yield say(
        _(
            "If only a part took place, the provider is paid for that share, in whole percent; the rest goes back "
            "to each source in proportion."
        ),
        "F-28",
    )
    if set(rules.exit_reasons) == set(EXIT_REASONS):
        yield say(_("This is so whatever the reason for leaving."), "F-29", "exit_reasons")
    else:
        yield say(
            _("Reasons for leaving are: %(reasons)s."),
            "F-29",
            "exit_reasons",
            reasons=w.shown("exit_reasons", rules.exit_reasons, rules.currency),
        )


def after(rules: SchemeRules) -> Iterator[Sentence]:
    """Proof, payment and questions once the training is over."""
    if rules.certificate_required:
        yield say(_("Only a certificate makes a training complete."), "N-08", "certificate_required")
    if rules.attendance_min_percent is not None:
        if rules.certificate_required:
            text = _("You also attended at least %(share)s of it.")
        else:
            text = _("It is complete if you attended at least %(share)s of it, or have the certificate.")
        yield say(text, "N-08", "attendance_min_percent", share=w.percent(rules.attendance_min_percent))
    if rules.proof_months is not None:
        yield say(
            _("Completion is proved within %(months)s after the end."),
            "N-10",
            "proof_months",
            months=w.months(rules.proof_months),
        )
    yield from _declarations(rules)
    yield say(_("The provider is paid for what took place and is proved, and for nothing else."))
    yield from _payments(rules)
    if rules.outcome_survey_months is not None:
        yield say(
            _("You are asked what came of it %(months)s after the last day."),
            "S-15",
            "outcome_survey_months",
            months=w.months(rules.outcome_survey_months),
        )


def _declarations(rules: SchemeRules) -> Iterator[Sentence]:
    if rules.entry_wd is not None:
        yield say(
            _("The provider declares your entry within %(days)s of the start."),
            "F-26",
            "entry_wd",
            days=w.working_days(rules.entry_wd),
        )
    if rules.exit_wd is not None:
        yield say(
            _("The provider declares the end within %(days)s of it."),
            "F-26",
            "exit_wd",
            days=w.working_days(rules.exit_wd),
        )
    if rules.auto_validate_wd is not None:
        yield say(
            _("What the provider declares as done counts after %(days)s, unless it is under control."),
            "F-27",
            "auto_validate_wd",
            days=w.working_days(rules.auto_validate_wd),
        )


def _payments(rules: SchemeRules) -> Iterator[Sentence]:
    if rules.claim_lead_days is not None:
        yield say(
            _("The provider may ask for its money from %(days)s before the start on."),
            "N-07",
            "claim_lead_days",
            days=w.days(rules.claim_lead_days),
        )
    if rules.advance_percent is not None:
        yield say(
            _(
                "For a training of more than %(months)s the provider may have %(share)s of the price in advance, "
                "%(days)s after your entry."
            ),
            "F-31",
            "advance_percent",
            "advance_min_months",
            "advance_after_days",
            months=w.months(rules.advance_min_months or 0),
            share=w.percent(rules.advance_percent),
            days=w.days(rules.advance_after_days or 0),
        )
    if rules.payment_days is not None:
        yield say(
            _("The provider is paid within %(days)s of its invoice."),
            "F-31",
            "payment_days",
            days=w.days(rules.payment_days),
        )
    if rules.second_approval_above_cents is not None:
        yield say(
            _("Two people of the agency approve what is claimed for a booking above %(cents)s."),
            "",
            "second_approval_above_cents",
            cents=w.cents(rules.second_approval_above_cents, rules.currency),
        )
    yield from _debts(rules)


def _debts(rules: SchemeRules) -> Iterator[Sentence]:
    if rules.netting_percent is not None:
        yield say(
            _("At most %(share)s of a payment is kept for what its provider owes back."),
            "",
            "netting_percent",
            share=w.percent(rules.netting_percent),
        )
    if rules.debt_term_days is not None:
        yield say(
            _("What a provider owes back it pays within %(days)s of the demand."),
            "",
            "debt_term_days",
            days=w.days(rules.debt_term_days),
        )
    if rules.debt_interest_basis_points is not None:
        yield say(
            _("After that it owes simple interest of %(points)s hundredths of a percent a year, day by day."),
            "",
            "debt_interest_basis_points",
            points=rules.debt_interest_basis_points,
        )


def providers(rules: SchemeRules) -> Iterator[Sentence]:
    """What providers, employers and promoters must and may not do."""
    yield say(_("No provider can look up an account or see what is on it."))
    if rules.listing_admissibility_wd is not None:
        yield say(
            _("A provider is told within %(days)s whether its application is complete."),
            "F-34",
            "listing_admissibility_wd",
            days=w.working_days(rules.listing_admissibility_wd),
        )
    if rules.listing_decision_months is not None:
        yield say(
            _("A provider's application is decided within %(months)s."),
            "F-34",
            "listing_decision_months",
            months=w.months(rules.listing_decision_months),
        )
    if rules.subcontract_max_percent is not None:
        yield say(
            _("A provider may subcontract at most %(share)s of its turnover of a year."),
            "F-35",
            "subcontract_max_percent",
            share=w.percent(rules.subcontract_max_percent),
        )
    yield from _ratings(rules)
    for rule in rules.conduct:
        yield say(str(w.CONDUCT[rule]), rule, "conduct")


def _ratings(rules: SchemeRules) -> Iterator[Sentence]:
    if rules.low_rated_suspension_months is not None:
        yield say(
            _("The lowest-rated courses are suspended for %(months)s."),
            "S-16",
            "low_rated_suspension_months",
            months=w.months(rules.low_rated_suspension_months),
        )
    if rules.renewal_min_attendance_percent is not None:
        yield say(
            _("A course is renewed if its learners attended at least %(share)s of it."),
            "S-16",
            "renewal_min_attendance_percent",
            share=w.percent(rules.renewal_min_attendance_percent),
        )
    if rules.renewal_min_survey_percent is not None:
        yield say(
            _("A course is renewed if at least %(share)s of its learners answered the survey."),
            "S-16",
            "renewal_min_survey_percent",
            share=w.percent(rules.renewal_min_survey_percent),
        )
    if rules.deregistered_grade is not None:
        yield say(
            ngettext(
                "A provider of grade %(grade)s or worse leaves the register, and may apply again after %(n)s month.",
                "A provider of grade %(grade)s or worse leaves the register, and may apply again after %(n)s months.",
                rules.reapply_months or 0,
            ),
            "S-17",
            "deregistered_grade",
            "reapply_months",
            grade=rules.deregistered_grade,
            n=rules.reapply_months or 0,
        )
