"""The fast simulation: request cohorts instead of single requests."""
