"""Judging detectors: labelled populations, and the measures taken on them."""
