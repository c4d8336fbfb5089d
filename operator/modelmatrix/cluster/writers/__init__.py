"""The writers of workloads (applier), statuses and events; nothing else writes to the API server but the Lease."""
