from __future__ import annotations

from fakes.fixtures import api, client

__all__ = ["api", "client"]
