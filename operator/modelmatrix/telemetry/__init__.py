"""Connections for signals and metrics: the Prometheus client, the exporter, the HTTP server of the probes, the log format."""
