"""Step 4, which replicas get which devices: order of pools, bin packing, preemption and draining."""
