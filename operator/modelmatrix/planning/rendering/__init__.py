"""Rendering: from workload targets to manifests. What an engine needs is data of the catalogue."""
