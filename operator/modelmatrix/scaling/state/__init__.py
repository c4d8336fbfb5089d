"""What the policy remembers between two decisions, how it is updated and how it is restored from history."""
