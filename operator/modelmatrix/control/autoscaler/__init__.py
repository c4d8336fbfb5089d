"""Measures deployments and turns measurements into replica counts, once an interval."""
