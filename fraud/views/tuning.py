"""Changed thresholds: what is in force, what is proposed, what it would have found, and who decides."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from fraud import permissions, rule_words, steps
from fraud.detection.detector import Detector
from fraud.detection.registry import DETECTORS
from fraud.models import BackTest, ParameterVersion
from fraud.models.rules import UNDECIDED, RuleState
from fraud.rule_forms import ProposeForm
from fraud.services import rules
from fraud.tuning import compared
from fraud.views.handing_in import hand_in
from fraud.views.steps import answer, reader

PER_PAGE = 25
LOOK_AGAIN_S = 3


@never_cache
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Every detector with the version of its parameters, and the proposals that wait."""
    user = reader(request)
    versions = ParameterVersion.objects.select_related("proposed_by").filter(
        state__in=[*UNDECIDED, RuleState.IN_FORCE]
    )
    in_force = {each.detector: each for each in versions if each.state == RuleState.IN_FORCE}
    may_decide = permissions.may_investigate(None, user)
    waiting = [each for each in versions.order_by("proposed_at", "pk") if each.is_undecided]
    context = {
        "rows": [(each, in_force.get(each.id)) for each in DETECTORS.values()],
        "waiting": [
            (each, rule_words.RULE_STATES[each.state], may_decide and each.proposed_by_id != user.pk)
            for each in waiting
        ],
    }
    return render(request, "fraud/tuning/overview.html", context)


@never_cache
@require_safe
def detector_detail(request: HttpRequest, detector: str) -> HttpResponse:
    """One detector: what it asks, with which values, and every version that there was."""
    user = reader(request)
    known = _detector(detector)
    present = rules.present(detector)
    versions = ParameterVersion.objects.filter(detector=detector).select_related("proposed_by", "decided_by")
    context = {
        "detector": known,
        "present": present,
        "values": _changes(known, present.parameters.model_dump(mode="json")),
        "versions": [(each, rule_words.RULE_STATES[each.state]) for each in versions.order_by("-number")],
        "may_propose": permissions.may_investigate(None, user),
    }
    return render(request, "fraud/tuning/detector.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: HttpRequest, detector: str) -> HttpResponse:
    """Other values for a detector's parameters, and why."""
    user = reader(request)
    if not permissions.may_investigate(None, user):
        raise PermissionDenied
    _detector(detector)
    present = rules.present(detector)
    posted = request.method == "POST"
    form = ProposeForm(request.POST if posted else None, detector=present)
    given = hand_in(
        request,
        form,
        lambda: rules.propose_rule(
            actor=user, detector=detector, values=form.values, reason=form.cleaned_data["reason"]
        ),
    )
    if given.done:
        messages.success(request, _("Proposed. Try it on the past next."))
        return redirect("fraud_rule", public_id=cast("ParameterVersion", given.result).public_id)
    context = {"detector": present, "form": form, "error": given.error}
    return render(request, "fraud/tuning/propose.html", context, status=given.status)


@never_cache
@require_safe
def rule_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A version: what it changes, why, what the past and the shadow say, who decided."""
    user = reader(request)
    version = get_object_or_404(
        ParameterVersion.objects.select_related("proposed_by", "decided_by", "back_test"), public_id=public_id
    )
    back_tests = list(version.back_tests.select_related("asked_by").order_by("-pk"))
    latest = version.back_test or rules.latest_back_test(version)
    known = DETECTORS.get(version.detector)
    context = {
        "version": version,
        "state": rule_words.RULE_STATES[version.state],
        "explanation": known.explanation if known is not None else version.detector,
        "changes": _against(version),
        "back_tests": [(each, rule_words.BACK_TESTS[each.outcome]) for each in back_tests],
        "latest": latest,
        "compared": compared.compare(latest) if latest is not None else None,
        "shadow": compared.shadow(version),
        "steps": steps.open_to(version, user),
        "own": version.is_undecided and permissions.proposed_it(version, user),
        "log": [
            (row, rule_words.RULE_EVENTS[row.transition])
            for row in version.log.select_related("actor").order_by("pk")
        ],
        "refresh": LOOK_AGAIN_S if any(each.is_unfinished for each in back_tests) else 0,
    }
    return render(request, "fraud/tuning/rule.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rule_step(request: HttpRequest, public_id: uuid.UUID, code: str) -> HttpResponse:
    """A step on a version."""
    reader(request)
    version = get_object_or_404(ParameterVersion, public_id=public_id)
    back = reverse("fraud_rule", args=[public_id])
    return answer(request, version, code, title=rule_name(version), back=back)


@never_cache
@require_safe
def back_test_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Whom the two sets of values name on past days, one by one."""
    reader(request)
    back_test = get_object_or_404(BackTest.objects.select_related("version", "asked_by"), public_id=public_id)
    which = request.GET.get("which", "")
    which = which if which in compared.WHICH else ""
    page = Paginator(compared.findings(back_test, which), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "back_test": back_test,
        "name": rule_name(back_test.version),
        "outcome": rule_words.BACK_TESTS[back_test.outcome],
        "compared": compared.compare(back_test),
        "which": which,
        "choices": list(rule_words.WHICH.items()),
        "page": page,
        "rows": [
            (
                each,
                rule_words.SUBJECTS.get(each.subject_kind, each.subject_kind),
                rule_words.BECAME[each.became],
                rule_words.BECAME[each.provider_became],
            )
            for each in page
        ],
        "refresh": LOOK_AGAIN_S if back_test.is_unfinished else 0,
    }
    return render(request, "fraud/tuning/back_test.html", context)


def rule_name(version: ParameterVersion) -> str:
    """A version in words."""
    return _("%(detector)s, values %(number)d") % {"detector": version.detector, "number": version.number}


def _detector(name: str) -> Detector:
    if name not in DETECTORS:
        raise Http404
    return DETECTORS[name]


def _changes(detector: Detector, values: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Each parameter: in words, its value, the one built in, and whether they differ."""
    built_in = detector.parameters.model_dump(mode="json")
    return [
        (
            rule_words.parameter(name),
            rule_words.value(value),
            rule_words.value(built_in.get(name, "–")),
            value != built_in.get(name),
        )
        for name, value in values.items()
    ]


def _against(version: ParameterVersion) -> list[tuple[str, str, str, bool]]:
    """Each parameter: in words, what it was tried against (or is in force), what is proposed, whether they differ."""
    if version.back_test is not None:
        before = version.back_test.present
    elif version.detector in DETECTORS:
        before = rules.present(version.detector).parameters.model_dump(mode="json")
    else:
        before = {}
    return [
        (
            rule_words.parameter(name),
            rule_words.value(before.get(name, "–")),
            rule_words.value(value),
            value != before.get(name),
        )
        for name, value in version.parameters.items()
    ]
