"""How many replicas a deployment needs: signals in, a number with its reason out. Pure."""
