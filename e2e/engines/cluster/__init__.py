"""The connection of the simulated engines to the cluster: pods and their readiness."""
