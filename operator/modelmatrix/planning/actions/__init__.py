"""Step 5, what must change: the difference between desired and observed workloads, as data."""
