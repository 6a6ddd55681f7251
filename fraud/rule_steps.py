"""The steps that people take on changed thresholds."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from fraud import permissions, rule_forms
from fraud.forms import ReasonForm, SureForm
from fraud.models import BackTest, ParameterVersion, RuleState
from fraud.services import back_tests, rules
from fraud.step import Step
from fraud.tasks import back_test
from ila.core import jobs


@transaction.atomic
def _try(*, actor: User, version_id: int, weeks: int) -> BackTest:
    asked = back_tests.ask_for_back_test(actor=actor, version_id=version_id, weeks=weeks)
    jobs.defer(back_test, public_id=str(asked.public_id))
    return asked


def _undecided(version: ParameterVersion, actor: User) -> bool:
    return version.is_undecided and permissions.may_investigate(version, actor)


RULE_STEPS = (
    Step(
        "try",
        _("Try it on the past"),
        _("A worker asks the detector about past weeks with both sets of values. Nothing becomes an alert."),
        rule_forms.TryForm,
        _try,
        _undecided,
    ),
    Step(
        "shadow",
        _("Let it run in shadow"),
        _(
            "It runs every day beside the values in force. What it finds is kept apart and stops nobody's money."
        ),
        SureForm,
        rules.start_shadow,
        lambda version, actor: version.state == RuleState.PROPOSED and _undecided(version, actor),
    ),
    Step(
        "rest",
        _("End the shadow"),
        _("It does not run any more. What it found so far stays here."),
        SureForm,
        rules.stop_shadow,
        lambda version, actor: version.state == RuleState.SHADOW and _undecided(version, actor),
    ),
    Step(
        "force",
        _("Put into force"),
        _(
            "From the next run on the detector uses these values. You and whoever proposed them neither investigate"
            " nor decide what it finds with them."
        ),
        rule_forms.InForceForm,
        rules.put_in_force,
        lambda version, actor: (
            version.is_undecided
            and permissions.may_decide_rule(version, actor)
            and rules.latest_back_test(version) is not None
        ),
        weighty=True,
    ),
    Step(
        "refuse",
        _("Refuse"),
        _("The values in force stay. The proposal is over."),
        ReasonForm,
        rules.refuse_rule,
        lambda version, actor: version.is_undecided and permissions.may_decide_rule(version, actor),
    ),
    Step(
        "withdraw",
        _("Take back"),
        _("You think better of it. The proposal is over."),
        ReasonForm,
        rules.withdraw_rule,
        lambda version, actor: version.is_undecided and permissions.proposed_it(version, actor),
    ),
)
