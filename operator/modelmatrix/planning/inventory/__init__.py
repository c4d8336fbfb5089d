"""Step 1, what is there: pools, their nodes and devices, and the replicas that hold them."""
