"""Metrics pages in the dialect of each engine: recorded pages whose values the simulation replaces."""
