"""Simulated engines and fleets in model time: for tests, benchmarks, the local cluster, ``kubectl matrix simulate``.

Pure: no clock, no I/O (``traces`` reads files), no randomness without an explicit seeded ``random.Random``.
Nothing here decides how many replicas there should be: a ``Policy`` does, which sees what a real cluster would show.
"""
