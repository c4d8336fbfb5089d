"""All inference engines of a local cluster in one process: the readiness of their pods, their traffic, their metrics pages.

Pods on kwok nodes run no containers; this process simulates their engines in model time. It reads and patches pods, and
serves metrics to Prometheus. It knows nothing about the operator beyond what the pods of an engine contain.
"""
