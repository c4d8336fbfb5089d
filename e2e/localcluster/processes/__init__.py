"""Starts, probes and stops the processes of a cluster, and reserves their ports."""
