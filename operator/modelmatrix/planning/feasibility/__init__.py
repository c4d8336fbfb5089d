"""Step 2, could it run there: format, engine, parallel layout, device memory and latency of a model on a pool."""
