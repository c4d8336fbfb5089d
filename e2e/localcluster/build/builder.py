"""Builds what the cache lacks. It must never leave half a build where the next caller takes it for whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from localcluster.build import toolchain
from localcluster.build.artifacts import ARTIFACTS, Artifact
from localcluster.build.cache import Slot, slot
from localcluster.build.locks import exclusive
from localcluster.build.programs import Programs
from localcluster.errors import LocalClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localcluster.progress import Progress, Step

_TAIL_LINES = 15
_POLL_SECONDS = 0.5


def build_missing(progress: Progress, *, artifacts: Sequence[Artifact] = ARTIFACTS) -> Programs:
    """Everything built; what is in the cache is taken from there.

    Raises:
        LocalClusterError: no Go, or a build failed.
    """
    compiler = toolchain.describe()
    slots = [slot(artifact, toolchain=compiler) for artifact in artifacts]
    missing = [each for each in slots if not each.is_built()]
    if missing:
        progress.say(f"Building {len(missing)} of {len(slots)} programs with {compiler.split()[0]} (minutes, once):")
    for each in missing:
        _build_once(each, progress)
    return Programs.of(slots)


def _build_once(wanted: Slot, progress: Progress) -> None:
    name = wanted.artifact.name
    with (
        progress.step(f"build {name}") as step,
        exclusive(wanted.lock, on_wait=lambda: progress.say(f"  {name} is being built by another process: waiting")),
    ):
        if wanted.is_built():
            step.outcome = "built by another process"
            return
        with wanted.publishing() as scratch:
            _compile(scratch, log=wanted.log, step=step)
            _link_programs(scratch)
            _copy_data(scratch)
        step.outcome = "built"


def _compile(scratch: Slot, *, log: Path, step: Step) -> None:
    artifact = scratch.artifact
    output = scratch.binaries / artifact.name
    # -v names each package once it is compiled: the only measure of progress that Go gives.
    argv = [*_nice(), toolchain.go_command(), "build", "-v", *artifact.flags, "-o", str(output), artifact.package]
    output.parent.mkdir()
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w") as sink,
        subprocess.Popen(
            argv,
            cwd=artifact.module,
            env=toolchain.go_environment(),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        ) as process,
    ):
        try:
            _watch(process, log=log, step=step)
        finally:
            # After an interrupt, with its compilers: they would go on for a minute.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        raise LocalClusterError(
            f"Building {artifact.name} failed.", why=_tail(log), advice=f"The whole log: {log}\nThen run it again."
        )


def _watch(process: subprocess.Popen[bytes], *, log: Path, step: Step) -> None:
    while process.poll() is None:
        lines = log.read_text(errors="replace").splitlines()
        fetched = sum(line.startswith("go: downloading") for line in lines)
        compiled = len(lines) - fetched
        step.update(f"{compiled} packages compiled" if compiled else f"{fetched} modules fetched")
        time.sleep(_POLL_SECONDS)


def _link_programs(scratch: Slot) -> None:
    for program in scratch.artifact.programs:
        (scratch.binaries / program).symlink_to(scratch.artifact.name)


def _copy_data(scratch: Slot) -> None:
    for module_path, folder in scratch.artifact.data.items():
        origin = toolchain.go("list", "-m", "-f", "{{.Dir}}", module_path, module=scratch.artifact.module).strip()
        # Modules lie read-only in Go's cache; a copy of the modes could never be removed.
        shutil.copytree(Path(origin) / folder, scratch.data, copy_function=shutil.copyfile)
        for directory in (scratch.data, *(path for path in scratch.data.rglob("*") if path.is_dir())):
            directory.chmod(0o755)


def _nice() -> list[str]:
    nice = shutil.which("nice")
    return [nice, "-n", "5"] if nice else []


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
