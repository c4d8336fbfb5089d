"""What one process does: informers, one control loop for the leader, the autoscaler beside it, admission, health."""
