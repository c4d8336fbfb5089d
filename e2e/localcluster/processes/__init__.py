"""Starts, probes and stops processes."""
