"""Measures the CPU time of planning a fleet and its growth: no cluster and no files, only the pure planner."""
