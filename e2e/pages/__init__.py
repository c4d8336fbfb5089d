"""Generates documentation pages from the operator's own tables."""
