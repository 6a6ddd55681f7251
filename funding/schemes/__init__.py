"""Schemes as data: rules, the presets that ship with the platform, and the pure functions that apply them."""
