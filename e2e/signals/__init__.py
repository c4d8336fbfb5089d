"""A Prometheus of its own, with a past that was made up: what the operator's queries mean is tried on it."""
