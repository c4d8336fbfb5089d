"""Step 1, what exists: pools, their nodes and devices, and the replicas that hold them."""
