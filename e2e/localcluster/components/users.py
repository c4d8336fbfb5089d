"""The users of the API server: each component has its own, so that the audit log attributes every request."""

from __future__ import annotations

import csv
import io
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MASTERS = ("system:masters",)

# Users without groups have the roles that Kubernetes itself (or leaderworkerset's manifest) binds to their name.
GROUPS: dict[str, tuple[str, ...]] = {
    "admin": _MASTERS,
    "kwok": _MASTERS,
    "prometheus": _MASTERS,
    "system:kube-controller-manager": (),
    "system:kube-scheduler": (),
    "leaderworkerset": (),
}


def new_tokens() -> dict[str, str]:
    """A fresh random token per user."""
    return {user: secrets.token_hex(16) for user in GROUPS}


def token_file(tokens: Mapping[str, str]) -> str:
    """The API server's --token-auth-file: token, user, uid, quoted groups."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for user, token in tokens.items():
        writer.writerow([token, user, user, ",".join(GROUPS[user])])
    return text.getvalue()
