"""Kubernetes operator that runs a bank's model matrix on NVIDIA and Ascend accelerators."""
