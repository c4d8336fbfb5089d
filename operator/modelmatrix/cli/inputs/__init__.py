"""Inputs of the commands: manifests, the cluster, request traces, and the errors in them."""
