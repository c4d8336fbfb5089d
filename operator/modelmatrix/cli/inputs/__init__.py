"""What the commands read: manifests, the cluster, arrivals, and the errors in them."""
