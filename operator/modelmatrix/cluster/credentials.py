"""An API server's address and an identity, with tokens that change while the process runs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

TOKEN_REREAD_SECONDS = 60.0


class CredentialsError(Exception):
    """There are no usable credentials; the text names the place that was searched."""


@dataclass(slots=True)
class Credentials:
    """Address and identity. ``token_file`` is read again every minute: a projected token lives for an hour."""

    server: str
    ssl_context: ssl.SSLContext | None
    token: str | None = None
    token_file: Path | None = None
    _read_at: float = 0.0

    def headers(self) -> dict[str, str]:
        """The ``Authorization`` header; empty without a token, as a client certificate may identify the caller instead."""
        if self.token_file is not None and monotonic() - self._read_at > TOKEN_REREAD_SECONDS:
            self.token = _read(self.token_file) or self.token
            self._read_at = monotonic()
        if not self.token:
            return {}
        return {"Authorization": self.token if self.token.startswith("Basic ") else f"Bearer {self.token}"}


def _read(path: Path) -> str:
    """The token in a file; empty while the kubelet replaces the file: the token before it stays valid for minutes."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
