"""What the policy is given and what it returns."""
