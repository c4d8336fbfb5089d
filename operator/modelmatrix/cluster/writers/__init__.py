"""Everything that writes to the API server: workloads, statuses and events."""
