"""One simulated inference engine with continuous batching: admission, prefill, decoding, preemption and its metrics."""
