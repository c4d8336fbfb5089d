"""Step 3, how many: replicas that a deployment should have now, from its spec, its schedule and the autoscaler."""
