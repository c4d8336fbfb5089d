"""Step 6, what is reported: conditions, events, messages and the status of deployments and pools."""
