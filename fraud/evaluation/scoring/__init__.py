"""Measures of detectors against labels, beside three baselines."""
