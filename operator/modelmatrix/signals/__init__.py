"""What the operator asks of Prometheus and how it reads the answers. Pure: no client, no clock."""
