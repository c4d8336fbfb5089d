"""What the simulated engines read and write of the cluster: pods and their readiness."""
