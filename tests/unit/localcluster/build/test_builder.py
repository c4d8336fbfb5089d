"""Building, with a stand-in for Go: once, in one place, and with a way out when it fails."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

import pytest

from localcluster.build.artifacts import Artifact
from localcluster.build.builder import build_missing
from localcluster.errors import LocalClusterError
from localcluster.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

GO = """#!/bin/sh
case "$1" in
  env) printf 'go1.26.0\\nlinux\\namd64\\n' ;;
  list) printf '%s\\n' "$MODULE_FOLDER" ;;
  build)
    echo "built" >> "$CALLS"
    test -n "$GOFLAGS" && exit 3
    echo "compile error in main.go" >&2
    test -e "$BROKEN" && exit 1
    while test "$1" != -o; do shift; done
    echo "program" > "$2" ;;
esac
"""


@pytest.fixture
def artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifact:
    tools, module, shipped = tmp_path / "tools", tmp_path / "module", tmp_path / "shipped" / "config"
    for folder in (tools, module, shipped):
        folder.mkdir(parents=True)
    (tools / "go").write_text(GO)
    (tools / "go").chmod(0o755)
    (shipped / "crd.yaml").write_text("kind: CustomResourceDefinition")
    (shipped / "crd.yaml").chmod(0o444)
    shipped.chmod(0o555)
    for name in ("go.mod", "go.sum"):
        (module / name).write_text(name)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("BROKEN", str(tmp_path / "broken"))
    monkeypatch.setenv("MODULE_FOLDER", str(shipped.parent))
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    return Artifact(
        name="tool", module=module, package="example.org/tool", programs=("one", "two"), data={"example.org": "config"}
    )


def test_what_is_missing_is_built_once(artifact: Artifact, tmp_path: Path) -> None:
    told = io.StringIO()
    programs = build_missing(Progress(told, live=False), artifacts=[artifact])
    assert programs.path("one").read_text() == programs.path("two").read_text() == "program\n"
    assert (programs.data["tool"] / "crd.yaml").read_text() == "kind: CustomResourceDefinition"
    assert programs.data["tool"].stat().st_mode & 0o200, "a copy that nobody can remove"
    assert "build tool" in told.getvalue()

    told = io.StringIO()
    assert build_missing(Progress(told, live=False), artifacts=[artifact]) == programs
    assert told.getvalue() == ""
    assert (tmp_path / "calls").read_text() == "built\n"


def test_two_callers_at_once_build_once(artifact: Artifact, tmp_path: Path) -> None:
    callers = [
        threading.Thread(target=build_missing, args=[Progress(io.StringIO(), live=False)], kwargs={"artifacts": [artifact]})
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert (tmp_path / "calls").read_text() == "built\n"


def test_a_failed_build_shows_the_end_of_its_log_and_where_it_is(artifact: Artifact, tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(LocalClusterError) as failure:
        build_missing(Progress(io.StringIO(), live=False), artifacts=[artifact])
    assert "compile error in main.go" in failure.value.why
    assert str(tmp_path / "cache" / "modelmatrix" / "logs") in failure.value.advice

    (tmp_path / "broken").unlink()
    assert build_missing(Progress(io.StringIO(), live=False), artifacts=[artifact]).path("one").exists()


def test_without_go_the_message_says_what_to_install(
    artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(LocalClusterError, match="Install Go"):
        build_missing(Progress(io.StringIO(), live=False), artifacts=[artifact])
