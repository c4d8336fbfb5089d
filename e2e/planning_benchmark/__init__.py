"""What planning a fleet costs, and how that grows: no cluster, no files, only the pure planner."""
