"""What the pages of fraud read: queues, alerts, cases with all that belongs to them, letters of a provider."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from catalogue.models import Provider
from fraud.models import (
    Alert,
    AutomaticHold,
    Case,
    CaseQuestion,
    HoldAnswer,
    KnownPlace,
    LearnerSurvey,
    Letter,
    Measure,
    MeasureEffect,
    ParameterVersion,
    PaymentScreening,
    PlaceState,
)
from fraud.models.alerts import AlertState
from fraud.models.cases import CaseState
from fraud.models.rules import UNDECIDED
from fraud.permissions import may_decide, may_investigate
from fraud.services import hold_answers
from funding.models import Hold
from funding.services import holds


def cases() -> QuerySet[Case]:
    """Every case with whom it is about and who has it, the highest score first."""
    return Case.objects.select_related("provider", "investigator").order_by("-score", "opened_at", "pk")


def places_waiting() -> int:
    """How many known places wait for a second person."""
    return KnownPlace.objects.filter(state=PlaceState.PROPOSED).count()


def case_counts() -> dict[str, int]:
    """How many cases are in each state. One query."""
    return dict(Case.objects.values_list("state").annotate(found=Count("pk")))


def decisions_for(actor: User) -> list[Case]:
    """Proposed decisions that this person may decide."""
    return [case for case in cases().filter(state=CaseState.DECISION_PROPOSED) if may_decide(case, actor)]


def rules_for(actor: User) -> int:
    """How many proposals of changed thresholds this person may decide."""
    if not may_investigate(None, actor):
        return 0
    return ParameterVersion.objects.filter(state__in=UNDECIDED).exclude(proposed_by=actor).count()


def case_files(case: Case) -> dict[str, Any]:
    """All that belongs to a case, in the order in which it came."""
    return {
        "alerts": list(case.alerts.order_by("-score", "pk")),
        "bookings": list(
            case.bookings.select_related("booking__credential", "booking__session").order_by("pk")
        ),
        "questions": list(case.questions.select_related("asked_by", "answered_by").order_by("pk")),
        "surveys": list(case.surveys.select_related("booking").order_by("pk")),
        "letters": list(case.letters.select_related("measure").order_by("pk")),
        "measures": list(case.measures.select_related("proposed_by", "related_provider").order_by("pk")),
        "documents": list(case.documents.select_related("added_by").order_by("pk")),
        "records": list(case.records.select_related("actor").order_by("-number")),
    }


def alerts() -> QuerySet[Alert]:
    """Every alert with its provider, the highest score first."""
    return Alert.objects.select_related("provider", "case").order_by("-score", "-amount_cents", "pk")


def open_alerts() -> int:
    """How many alerts nobody has decided on yet."""
    return Alert.objects.filter(state=AlertState.OPEN).count()


def runs(number: int) -> list[PaymentScreening]:
    """The latest runs of the detectors, with what failed in each: what failed has found nothing out."""
    return list(PaymentScreening.objects.select_related("batch").order_by("-started_at", "-pk")[:number])


def letters_to(organisations: frozenset[int]) -> QuerySet[Letter]:
    """The letters to the providers of these organisations, the latest first."""
    found = Letter.objects.filter(provider__organisation__in=organisations)
    return found.select_related("provider", "measure").order_by("-sent_at", "-pk")


def questions_to(organisations: frozenset[int]) -> QuerySet[CaseQuestion]:
    """What these organisations' providers were asked."""
    found = CaseQuestion.objects.filter(case__provider__organisation__in=organisations)
    return found.select_related("case__provider").order_by("answered_at", "due_at", "pk")


def measures_on(organisations: frozenset[int]) -> QuerySet[Measure]:
    """The measures on these organisations' providers that were announced, or are in force without it."""
    found = Measure.objects.filter(case__provider__organisation__in=organisations)
    return found.filter(Q(notified_at__isnull=False)).select_related("case__provider").order_by("-pk")


def surveys_of(user: User) -> QuerySet[LearnerSurvey]:
    """What a learner is asked about their own bookings."""
    found = LearnerSurvey.objects.filter(booking__account__citizen__user=user)
    return found.select_related("booking__credential", "booking__provider").order_by("answered_at", "-pk")


_OF_A_HOLD = (
    "booking__credential",
    "booking__provider",
    "session__micro_credential__provider",
    "provider",
    "owner",
    "released_by",
)


def holds_outside_cases(*, answered: bool = False) -> QuerySet[Hold]:
    """Holds that stand outside of cases, those that end first in front. answered: whose answer waits for a person."""
    found = hold_answers.outside_cases().select_related(*_OF_A_HOLD)
    if answered:
        found = found.filter(pk__in=hold_answers.unanswered_by_us().values("hold"))
    return found.order_by("expires_at", "pk")


def hold_outside_cases(pk: int) -> Hold | None:
    """A hold of no measure, whether it stands or not."""
    return hold_answers.outside_cases(Hold.objects.select_related(*_OF_A_HOLD)).filter(pk=pk).first()


def holds_on(organisations: frozenset[int], *, standing: bool = True) -> QuerySet[Hold]:
    """Holds on money of these organisations' providers, those that end first in front; or all, the latest first."""
    providers = Provider.objects.filter(organisation__in=organisations)
    concerned = (
        Q(provider__in=providers)
        | Q(booking__provider__in=providers)
        | Q(session__micro_credential__provider__in=providers)
        | Q(iban__in=providers.exclude(iban="").values("iban"))
    )
    found = holds.open_holds() if standing else Hold.objects.all()
    order = ("expires_at", "pk") if standing else ("-placed_at", "-pk")
    return found.filter(concerned).select_related(*_OF_A_HOLD).order_by(*order)


def automatic_of(found: list[Hold]) -> dict[int, AutomaticHold]:
    """By hold, what detection placed it for. One query."""
    rows = AutomaticHold.objects.filter(hold__in=[each.pk for each in found])
    return {each.hold_id: each for each in rows}


def answers_of(found: list[Hold], organisations: frozenset[int] | None = None) -> dict[int, list[HoldAnswer]]:
    """By hold, what its providers (those of these organisations) said to it, the latest first. Two queries."""
    rows = HoldAnswer.objects.filter(hold__in=[each.pk for each in found])
    if organisations is not None:
        rows = rows.filter(provider__organisation__in=organisations)
    answers: dict[int, list[HoldAnswer]] = {}
    for each in rows.select_related("provider", "answered_by").prefetch_related("documents").order_by("-pk"):
        answers.setdefault(each.hold_id, []).append(each)
    return answers


def measures_of(found: list[Hold]) -> dict[int, Measure]:
    """By hold, the measure of a case that stands for it. One query."""
    rows = MeasureEffect.objects.filter(hold__in=[each.pk for each in found]).select_related("measure")
    return {each.hold_id: each.measure for each in rows.order_by("pk") if each.hold_id is not None}
