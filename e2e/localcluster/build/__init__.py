"""Builds the cluster's programs from Go modules into a cache that is keyed by content."""
