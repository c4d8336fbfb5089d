"""A valid lower bound of the cost of a scenario, even for a policy that knows the future."""
