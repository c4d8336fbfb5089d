"""The autoscalers and their settings: the operator's own policy and the peers."""
