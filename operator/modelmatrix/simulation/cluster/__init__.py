"""Simulated replicas of a deployment, their router and the environment of a policy."""
