"""The autoscaling benchmark: scenarios, other projects' autoscalers, a lower bound, and a report of all that."""
