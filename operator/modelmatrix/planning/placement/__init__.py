"""Step 4, who gets which devices: order of pools, bin packing, preemption and draining."""
