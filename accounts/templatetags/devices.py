"""Devices and moments as mails say them: plain text, in the reader's language."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django import template
from django.utils.formats import date_format

from accounts.services import devices

register = template.Library()


@register.filter
def device(name: str) -> str:
    """A kept name of a device ("Firefox on Android")."""
    return devices.said(name or "")


@register.filter
def iso_moment(value: str, zone: str = "UTC") -> str:
    """A moment that was kept as text, as a day and an hour; UTC says so."""
    if not value:
        return ""
    here = datetime.fromisoformat(value).astimezone(ZoneInfo(zone or "UTC"))
    return f"{date_format(here, 'j F Y')}, {here:%H:%M}{'' if zone and zone != 'UTC' else ' UTC'}"
