"""How a form is handed in: to one service, whose refusal becomes a sentence above it, or beside the field it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.forms import BaseForm
from django.http import HttpRequest

from funding.sentences import sentence
from ila.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What became of it. result: of the service; error: why it was refused."""

    form: BaseForm
    done: bool = False
    result: object = None
    error: str = ""

    @property
    def status(self) -> int:
        """Of the page that shows the form again."""
        return 409 if self.error else 422 if self.form.errors else 200


def hand_in(
    request: HttpRequest,
    form: BaseForm,
    act: Callable[[], object],
    *,
    beside: Mapping[str, str] = MappingProxyType({}),
) -> HandedIn:
    """Call the service where the form was posted and is in order.

    beside: code of a refusal → the field whose value was refused (422); what is of no field stands above (409).
    """
    if request.method != "POST" or not form.is_valid():
        return HandedIn(form)
    try:
        return HandedIn(form, done=True, result=act())
    except DomainError as refused:
        if refused.code not in beside:
            return HandedIn(form, error=sentence(refused))
        form.add_error(beside[refused.code], sentence(refused))
        return HandedIn(form)
