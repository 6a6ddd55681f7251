"""Roles in words."""

from __future__ import annotations

from django import template

from accounts import team_words

register = template.Library()


@register.filter
def role_word(role: str) -> str:
    """A role as people read it."""
    return str(team_words.ROLES.get(role, role))
