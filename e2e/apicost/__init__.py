"""What the operator costs a control plane: requests, CPU, memory and delays, read from the audit log and from /proc."""
