"""All inference engines of a local cluster in one process: their pods' readiness, their traffic, their metrics pages.

Pods on kwok nodes run nothing; this plays what would run in them, in model time. It talks to the API server about pods and
to Prometheus, and must not know the operator: it sees what an engine would see.
"""
