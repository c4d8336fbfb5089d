"""From estimates to a number of replicas for each pool."""
