"""Money, days, status tags, form fields and pages of a list, written the same way everywhere."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.core.paginator import Page
from django.forms import (
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    DateInput,
    DecimalField,
    NumberInput,
    PasswordInput,
    RadioSelect,
    Select,
    Textarea,
)
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from ila.core.money import format_cents, in_fours, symbol_of

register = template.Library()

_NBSP = "\u00a0"


@register.filter
def money(cents: int | None, currency: str) -> str:
    """An amount in the reader's language; nothing for an amount that is not known."""
    return "" if cents is None else format_cents(cents, currency, get_language() or "en")


@register.filter
def fours(number: str | None) -> str:
    """An IBAN or a structured reference as people read it; what is neither stays as it is."""
    return in_fours(number or "")


@register.filter
def day(value: date | datetime | None, zone: str = "UTC") -> str | SafeString:
    """A day in words, in the scheme's or provider's time zone."""
    if value is None:
        return ""
    here = value.astimezone(ZoneInfo(zone or "UTC")) if isinstance(value, datetime) else value
    text = date_format(here, "j F Y").replace(" ", _NBSP, 1)
    return format_html('<time datetime="{}">{}</time>', f"{here:%Y-%m-%d}", text)


@register.filter
def from_iso(value: str) -> date:
    """A day that was kept as text (2026-12-31)."""
    return date.fromisoformat(value)


@register.filter
def last_day(value: datetime | None, zone: str = "UTC") -> str | SafeString:
    """The last day of a term whose end is given as the first moment after it."""
    return "" if value is None else day(value - timedelta(microseconds=1), zone)


@register.filter
def moment(value: datetime | None, zone: str = "UTC") -> str | SafeString:
    """A day and an hour in words, in the scheme's or provider's time zone."""
    if value is None:
        return ""
    here = value.astimezone(ZoneInfo(zone or "UTC"))
    # A reader takes an hour for that of their own place: where it is not, it says so.
    other = f"{_NBSP}UTC" if zone == "UTC" else ""
    text = f"{date_format(here, 'j F Y')}, {here:%H:%M}{other}".replace(" ", _NBSP, 1)
    return format_html('<time datetime="{}">{}</time>', here.isoformat(timespec="seconds"), text)


_COLOURS = {
    "green": ("settled", "executed", "paid", "accredited", "guaranteed", "processed", "given", "recovered"),
    "blue": (
        "accepted",
        "in_training",
        "approved",
        "exported",
        "acknowledged",
        "open",
        "registered",
        "in_batch",
    ),
    "yellow": (
        "requested",
        "noted",
        "proposed",
        "submitted",
        "draft",
        "pending",
        "asked",
        "received",
        "planned",
        "opened",
    ),
    "purple": ("left", "service_declared", "service_validated", "running", "held", "demanded"),
    "red": ("disputed", "refused", "rejected", "returned", "withdrawn_accreditation", "no_show", "suspended"),
    "orange": ("partly_rejected", "on_hold", "partly_recovered", "expired"),
}
_COLOUR_OF = {state: colour for colour, states in _COLOURS.items() for state in states}


@register.inclusion_tag("parts/tag.html")
def status_tag(state: str, label: Any, colour: str = "") -> dict[str, Any]:
    """A state as a coloured label; the word says it all, the colour only helps the eye."""
    return {"label": label, "colour": colour or _COLOUR_OF.get(state, "grey")}


@register.inclusion_tag("parts/field.html")
def field(bound: BoundField, currency: str = "", unit: str = "", **attributes: str) -> dict[str, Any]:
    """A form field with its label, hint and errors, tied together for screen readers.

    currency: of the amount that is asked for, shown before it; unit: shown after a number, such as %.
    attributes: HTML attributes of the control, written with _ for -.
    """
    widget = bound.field.widget
    kind = "input"
    if isinstance(widget, Select):
        kind = "select"
    elif isinstance(widget, Textarea):
        kind = "textarea"
    elif isinstance(widget, CheckboxInput):
        kind = "checkbox"
    name = "checkboxes__input" if kind == "checkbox" else kind
    classes = [f"govuk-{name}"]
    if bound.errors and kind != "checkbox":
        classes.append(f"govuk-{name}--error")
    if kind == "input" and (width := _width(bound)):
        classes.append(f"govuk-input--width-{width}")
    if isinstance(widget, PasswordInput):
        classes.append("govuk-password-input__input govuk-js-password-input-input")
    attrs: dict[str, str | bool] = {key.replace("_", "-"): value for key, value in attributes.items()}
    described = [
        f"{bound.id_for_label}_{part}"
        for part, there in (("hint", bound.help_text), ("error", bound.errors))
        if there
    ]
    if described:
        attrs["aria-describedby"] = " ".join(described)
    attrs["class"] = " ".join(classes)
    # What the form library suggests as a placeholder repeats the label and vanishes while one types.
    widget.attrs.pop("placeholder", None)
    if not bound.errors:
        widget.attrs.pop("aria-invalid", None)
    return {
        "bound": bound,
        "control": bound.as_widget(attrs=attrs),
        "kind": kind,
        "password": isinstance(widget, PasswordInput),
        "before": symbol_of(currency) if currency else "",
        "after": unit,
    }


def _width(bound: BoundField) -> int:
    """How many characters wide a control is that takes a number or a day; 0: as wide as its column."""
    control, widget = bound.field, bound.field.widget
    if isinstance(widget, DateInput) or isinstance(control, DecimalField):
        return 10
    return 5 if isinstance(widget, NumberInput) else 0


@register.inclusion_tag("parts/radios.html")
def radios(bound: BoundField) -> dict[str, Any]:
    """A choice among a few as radio buttons under their question, with hint and errors."""
    described = [
        f"{bound.auto_id}_{part}"
        for part, there in (("hint", bound.help_text), ("error", bound.errors))
        if there
    ]
    return {"bound": bound, "described": " ".join(described)}


@register.simple_tag
def any_field(bound: BoundField) -> SafeString:
    """Radio buttons, checkboxes or one control, for pages whose form differs from step to step."""
    widget = bound.field.widget
    if isinstance(widget, CheckboxSelectMultiple):
        return render_to_string("parts/checkboxes.html", radios(bound))
    if isinstance(widget, RadioSelect):
        return render_to_string("parts/radios.html", radios(bound))
    return render_to_string("parts/field.html", field(bound))


@register.inclusion_tag("parts/pagination.html", takes_context=True)
def pagination(context: template.Context, page: Page[Any], label: Any) -> dict[str, Any]:
    """Links to the neighbouring pages of a list; the other parameters of the address stay."""
    return {
        "request": context["request"],
        "page": page,
        "label": label,
        "numbers": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "ellipsis": page.paginator.ELLIPSIS,
    }
