"""Which autoscalers run, with which settings: this project's policy and the peers."""
