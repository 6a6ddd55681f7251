"""A scheme that is chosen in the same form as an amount of its money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from funding.models import Scheme

if TYPE_CHECKING:
    SchemeChoice = forms.ModelChoiceField[Scheme]
else:
    SchemeChoice = forms.ModelChoiceField


class SchemeField(SchemeChoice):
    """Schemes by name; where not all are in one currency, each names its own, and no amount can be marked."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("to_field_name", "code")
        options.setdefault("error_messages", {"required": _("Choose a scheme.")})
        super().__init__(Scheme.objects.none(), **options)
        # ISO 4217, of every scheme that is offered; empty where there are several.
        self.currency = ""

    def offer(self, schemes: QuerySet[Scheme]) -> None:
        """Let one of these be chosen."""
        currencies = set(schemes.order_by().values_list("currency", flat=True))
        self.currency = currencies.pop() if len(currencies) == 1 else ""
        self.queryset = schemes

    def label_from_instance(self, obj: Scheme) -> str:
        return str(obj) if self.currency else f"{obj} ({obj.currency})"
