"""Programs are built again exactly when something that decides about them changed, and never half."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from localcluster.build.artifacts import ARTIFACTS, Artifact
from localcluster.build.cache import content_key, slot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOOLCHAIN = "go1.26.0 linux amd64"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def module(folder: Path) -> Artifact:
    folder.mkdir()
    for name in ("go.mod", "go.sum", "main.go"):
        (folder / name).write_text(name)
    return Artifact(name="tool", module=folder, package=".", programs=("tool",), stamps={"main.version": "v1"})


def _edit(name: str) -> Callable[[Artifact], Artifact]:
    def edit(artifact: Artifact) -> Artifact:
        (artifact.module / name).write_text("changed")
        return artifact

    return edit


@pytest.mark.parametrize(
    "change",
    [
        _edit("go.mod"),
        _edit("go.sum"),
        _edit("main.go"),
        _edit("another.go"),
        lambda artifact: replace(artifact, stamps={"main.version": "v2"}),
        lambda artifact: replace(artifact, programs=("tool", "alias")),
        lambda artifact: replace(artifact, data={"example.org/module": "config"}),
        lambda artifact: replace(artifact, package="example.org/other"),
    ],
)
def test_whatever_decides_about_the_build_changes_the_key(tmp_path: Path, change: Callable[[Artifact], Artifact]) -> None:
    artifact = module(tmp_path / "a")
    before = content_key(artifact, toolchain=TOOLCHAIN)
    assert content_key(change(artifact), toolchain=TOOLCHAIN) != before


def test_another_compiler_changes_the_key(tmp_path: Path) -> None:
    artifact = module(tmp_path / "a")
    assert content_key(artifact, toolchain=TOOLCHAIN) != content_key(artifact, toolchain="go1.27.0 linux amd64")


def test_the_same_files_elsewhere_have_the_same_key(tmp_path: Path) -> None:
    here, there = module(tmp_path / "here"), module(tmp_path / "there")
    assert content_key(here, toolchain=TOOLCHAIN) == content_key(there, toolchain=TOOLCHAIN)


def test_a_program_of_another_module_does_not_depend_on_our_own_code(tmp_path: Path) -> None:
    artifact = replace(module(tmp_path / "a"), package="example.org/other")
    before = content_key(artifact, toolchain=TOOLCHAIN)
    assert content_key(_edit("main.go")(artifact), toolchain=TOOLCHAIN) == before


def test_a_published_slot_is_whole(tmp_path: Path) -> None:
    wanted = slot(module(tmp_path / "a"), toolchain=TOOLCHAIN)
    with wanted.publishing() as scratch:
        scratch.binaries.mkdir()
        (scratch.binaries / "tool").write_text("program")
        assert not wanted.is_built()
    assert wanted.is_built()
    assert (wanted.binaries / "tool").read_text() == "program"


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    wanted = slot(module(tmp_path / "a"), toolchain=TOOLCHAIN)

    def build() -> None:
        with wanted.publishing() as scratch:
            scratch.binaries.mkdir()
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        build()
    assert not wanted.is_built()
    assert list(wanted.path.parent.iterdir()) == []


def test_no_two_artifacts_offer_the_same_program() -> None:
    offered = [name for artifact in ARTIFACTS for name in artifact.programs or (artifact.name,)]
    assert len(offered) == len(set(offered))
    assert {"kubectl", "helm", "kwok", "promtool"} <= set(offered)
