"""What an apply of a deployment would be answered; data only, for those who do not import the HTTP client."""

from __future__ import annotations

from typing import NamedTuple

from modelmatrix.planning.snapshot.views import NamespacedName


class Review(NamedTuple):
    """Warnings of an apply, or why it would be refused."""

    key: NamespacedName
    warnings: tuple[str, ...]
    refusal: str = ""
