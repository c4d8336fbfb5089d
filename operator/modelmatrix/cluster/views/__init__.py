"""Projections of raw Kubernetes objects into the planner's views."""
