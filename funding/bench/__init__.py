"""Measuring the platform against its own database: what the services reach, and what the bare statements reach.

Everything happens in a scratch database beside the one in use, which is made for it and removed afterwards.
"""
