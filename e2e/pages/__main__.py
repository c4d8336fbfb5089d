"""``python -m pages``: writes the generated pages, for ``make generate``."""

from __future__ import annotations

from pathlib import Path

from pages.reasons import page

REASONS = Path(__file__).resolve().parents[2] / "docs" / "reasons.md"


def main() -> None:
    """Write all pages."""
    REASONS.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
