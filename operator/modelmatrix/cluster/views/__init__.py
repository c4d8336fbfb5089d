"""Projections of raw Kubernetes objects to the views that the planner reads; total, so that no object can stop an informer."""
