"""Writes of fraud."""
