"""A fake API server over HTTP: real list, watch, apply and merge semantics in memory, and faults by rule."""

from fakes.apiserver.server import FakeApiServer, running

__all__ = ["FakeApiServer", "running"]
