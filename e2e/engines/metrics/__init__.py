"""Metrics pages in the dialect of each engine."""
