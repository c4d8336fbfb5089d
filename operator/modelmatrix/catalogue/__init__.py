"""Facts as data: accelerators, models, engines and what runs on what. Knows nothing of the cluster."""
