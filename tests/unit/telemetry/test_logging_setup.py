from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from modelmatrix.telemetry.logging_setup import JsonFormatter, configure_logging


def record(**extra: Any) -> dict[str, Any]:
    entry = logging.makeLogRecord(
        {"name": "a.b", "levelname": "WARNING", "msg": "%s is full", "args": ("x",), "created": 0, **extra}
    )
    parsed: dict[str, Any] = json.loads(JsonFormatter().format(entry))
    return parsed


def test_a_record_is_one_json_object() -> None:
    assert record() == {"time": "1970-01-01T00:00:00.000+00:00", "level": "WARNING", "logger": "a.b", "message": "x is full"}


def test_extra_fields_stand_beside_the_message() -> None:
    assert (
        record(deployment="bank/chat", reason="WriteFailed").items()
        >= {"deployment": "bank/chat", "reason": "WriteFailed"}.items()
    )


def test_a_value_that_json_does_not_know_is_printed_as_text() -> None:
    assert record(cause=ValueError("no")) | {"time": ""} == record(cause="no") | {"time": ""}


def test_an_exception_is_a_field_of_the_same_line() -> None:
    error = ValueError("first\nsecond")
    line = JsonFormatter().format(logging.makeLogRecord({"msg": "failed", "exc_info": (type(error), error, None)}))
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: first\nsecond")


@pytest.mark.parametrize(("log_format", "expected"), [("json", '"level": "INFO"'), ("plain", "INFO    test: started")])
def test_the_format_is_chosen(monkeypatch: pytest.MonkeyPatch, log_format: str, expected: str) -> None:
    output = io.StringIO()
    handlers, level = logging.root.handlers[:], logging.root.level
    logging.root.handlers.clear()  # pytest's own, which force=True would close
    monkeypatch.setattr("sys.stderr", output)
    try:
        configure_logging(log_format, "INFO")
        logging.getLogger("test").info("started")
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    assert expected in output.getvalue()
