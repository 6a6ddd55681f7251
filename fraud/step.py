"""What a step is: something that a person may do, on a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from accounts.models import User
from fraud import forms as asked


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a person may do to an alert, case, measure or changed thresholds, on a page of its own.

    act: a service; called with actor, the subject's id and what the form gives. when: whether it is offered; the
    service decides for itself whether it is allowed. weighty: money, or a provider's living, hangs on it.
    """

    code: str
    label: Promise
    about: Promise
    form: type[asked.StepForm]
    act: Callable[..., object]
    when: Callable[[Any, User], bool]
    weighty: bool = False
