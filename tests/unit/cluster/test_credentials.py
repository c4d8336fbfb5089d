from __future__ import annotations

from pathlib import Path

import pytest

from fakes.waiting import FakeClock
from modelmatrix.cluster import credentials as credentials_module
from modelmatrix.cluster.credentials import TOKEN_REREAD_SECONDS, Credentials


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock()
    monkeypatch.setattr(credentials_module, "monotonic", fake)
    return fake


def test_a_token_is_a_header() -> None:
    assert Credentials("http://x", None, "secret").headers() == {"Authorization": "Bearer secret"}
    assert Credentials("http://x", None).headers() == {}


def test_a_token_file_is_read_again_now_and_then(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "token"
    path.write_text("one\n", encoding="utf-8")
    found = Credentials("http://x", None, "zero", path)
    assert found.headers() == {"Authorization": "Bearer one"}
    path.write_text("two\n", encoding="utf-8")
    clock.pass_(TOKEN_REREAD_SECONDS)
    assert found.headers() == {"Authorization": "Bearer one"}
    clock.pass_(1)
    assert found.headers() == {"Authorization": "Bearer two"}


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_token_file_that_cannot_be_read_leaves_the_token(tmp_path: Path, clock: FakeClock, content: bytes | None) -> None:
    path = tmp_path / "token"
    path.write_text("one", encoding="utf-8")
    found = Credentials("http://x", None, None, path)
    found.headers()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    clock.pass_(2 * TOKEN_REREAD_SECONDS)
    assert found.headers() == {"Authorization": "Bearer one"}
