"""The fluid simulation: cohorts of requests per second instead of single requests, for sweeps over weeks."""
