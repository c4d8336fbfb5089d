"""A real Prometheus with backfilled series, on which tests evaluate the operator's queries."""
