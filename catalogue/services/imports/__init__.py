"""Storing imported catalogues: registers first, then each provider in a transaction of its own."""

from catalogue.services.imports.run import import_catalogue

__all__ = ["import_catalogue"]
