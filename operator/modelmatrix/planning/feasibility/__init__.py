"""Step 2, which pools can run a model: format, engine, parallel layout, device memory and latency of a model on a pool."""
