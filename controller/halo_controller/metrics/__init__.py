"""Metrics: how things stand, in numbers, for Prometheus."""
