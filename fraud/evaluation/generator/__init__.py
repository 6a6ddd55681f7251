"""Labelled populations: honest life, what only looks wrong, and six kinds of misuse."""
