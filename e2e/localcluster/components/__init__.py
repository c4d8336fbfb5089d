"""Command lines and configuration files of the cluster's programs."""
