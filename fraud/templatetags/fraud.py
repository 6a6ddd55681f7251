"""A field of any kind, for pages whose forms differ from step to step."""

from __future__ import annotations

from django import template
from django.forms import BoundField, CheckboxSelectMultiple, RadioSelect
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from ila.core.templatetags.ila import field, radios

register = template.Library()


@register.simple_tag
def choice_field(bound: BoundField) -> SafeString:
    """Radio buttons, checkboxes or one control, with label, hint and errors."""
    widget = bound.field.widget
    if isinstance(widget, CheckboxSelectMultiple):
        return render_to_string("parts/checkboxes.html", radios(bound))
    if isinstance(widget, RadioSelect):
        return render_to_string("parts/radios.html", radios(bound))
    return render_to_string("parts/field.html", field(bound))
