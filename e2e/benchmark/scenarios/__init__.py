"""The scenarios: arrivals, deployments, faults, and the generators of their traffic."""
