"""Signals in, metrics out: queries to Prometheus, our own metrics, health and logs."""
