"""What users write and read: types, names and reasons. Knows nothing of the cluster and nothing of planning."""
