"""Modules that are loaded when they are first used."""

from functools import partial
from importlib import import_module
from typing import Any

from django.utils.functional import SimpleLazyObject


def lazy_module(name: str) -> Any:
    """The module of that name, loaded with the first look into it.

    For what few requests need and every command would otherwise wait for: printing a PDF loads half of a
    library for fonts (over a second).
    """
    return SimpleLazyObject(partial(import_module, name))
