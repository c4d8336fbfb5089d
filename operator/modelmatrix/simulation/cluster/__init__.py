"""The simulated cluster: the replicas of a deployment, their router, and the environment in which a policy acts."""
