"""Structured logs: one JSON object per line, or plain lines for people.

Log calls pass the objects they concern as fields: ``extra={"deployment": ..., "kind": ..., "object": ..., "reason": ...}``.
The JSON format prints every such field beside the message; the plain format prints the message alone, which names them too.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

# The attributes of every record; all others were passed as extra fields.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """One JSON object per line, with the extra fields of the record; an exception is a field of that object."""

    def format(self, record: logging.LogRecord) -> str:
        """One line without the newline; values of extra fields that JSON does not know are printed as text."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def configure_logging(log_format: str, level: str) -> None:
    """Log to standard error, as ``json`` or ``plain``, from the given level on."""
    handler = logging.StreamHandler(sys.stderr)
    plain_formatter = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if log_format == "json" else plain_formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("kopf").setLevel(logging.WARNING)  # kopf logs its start and every handler call at INFO
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # else every admission review is a line
