"""One simulated inference engine: admission, batching, decoding and its metrics."""
