"""``kubectl matrix``: the operator's own planner and policy, for people. Reads the cluster, never writes it."""
