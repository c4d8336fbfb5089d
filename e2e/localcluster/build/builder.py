"""Builds the artifacts that the cache lacks. A build appears in the cache complete or not at all."""

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
    """Build the artifacts that are not in the cache; returns the programs of all.

    Raises:
        LocalClusterError: Go is not installed, or a build failed.
    """
    compiler = toolchain.describe()
    slots = [slot(artifact, toolchain=compiler) for artifact in artifacts]
    missing = [candidate for candidate in slots if not candidate.is_built()]
    if missing:
        progress.say(f"Building {len(missing)} of {len(slots)} programs with {compiler.split()[0]} (minutes, once):")
    for missing_slot in missing:
        _build_once(missing_slot, progress)
    return Programs.of(slots)


def _build_once(wanted_slot: Slot, progress: Progress) -> None:
    name = wanted_slot.artifact.name
    with (
        progress.step(f"build {name}") as step,
        exclusive(wanted_slot.lock, on_wait=lambda: progress.say(f"  {name} is being built by another process: waiting")),
    ):
        if wanted_slot.is_built():
            step.outcome = "built by another process"
            return
        with wanted_slot.publishing() as scratch:
            _compile(scratch, log=wanted_slot.log, step=step)
            _link_programs(scratch)
            _copy_data(scratch)
        step.outcome = "built"


def _compile(scratch: Slot, *, log: Path, step: Step) -> None:
    artifact = scratch.artifact
    output = scratch.binaries / artifact.name
    # -v prints each package when it is compiled: the only progress that Go reports.
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
            _report_progress(process, log=log, step=step)
        finally:
            # After an interrupt, end its compilers too: they would continue for a minute.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        raise LocalClusterError(
            f"Building {artifact.name} failed.", why=_tail(log), advice=f"Read the log: {log}\nThen try again."
        )


def _report_progress(process: subprocess.Popen[bytes], *, log: Path, step: Step) -> None:
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
        # Modules are read-only in Go's cache; a copy with the same modes could not be removed.
        shutil.copytree(Path(origin) / folder, scratch.data, copy_function=shutil.copyfile)
        for directory in (scratch.data, *(path for path in scratch.data.rglob("*") if path.is_dir())):
            directory.chmod(0o755)


def _nice() -> list[str]:
    nice = shutil.which("nice")
    return [nice, "-n", "5"] if nice else []


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
