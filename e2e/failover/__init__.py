"""How long a cluster is without a leader, and whether a deposed one still writes."""
