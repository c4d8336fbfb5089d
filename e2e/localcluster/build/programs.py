"""The programs of a cluster by name."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcluster.errors import LocalClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from localcluster.build.cache import Slot


@dataclass(frozen=True, slots=True)
class Programs:
    """The paths of programs and of their data.

    Attributes:
        paths: program name -> absolute path.
        data: artifact name -> folder of the files its Go module ships.
    """

    paths: Mapping[str, Path]
    data: Mapping[str, Path]

    @classmethod
    def of(cls, slots: Iterable[Slot]) -> Programs:
        """The programs in these slots of the cache."""
        paths: dict[str, Path] = {}
        data: dict[str, Path] = {}
        for slot in slots:
            names = slot.artifact.programs or (slot.artifact.name,)
            paths |= {name: slot.binaries / name for name in names}
            data[slot.artifact.name] = slot.data
        return cls(paths=paths, data=data)

    def path(self, name: str) -> Path:
        """The absolute path of one program.

        Raises:
            LocalClusterError: there is no such program.
        """
        if name not in self.paths:
            raise LocalClusterError(f"There is no program {name!r}.", advice=f"There are: {', '.join(sorted(self.paths))}.")
        return self.paths[name]

    def run(self, name: str, *arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> str:
        """Run a program to its end and return its output; ``environment`` is added to this process's environment.

        Raises:
            LocalClusterError: the program failed; the message contains its output.
        """
        completed = subprocess.run(
            [str(self.path(name)), *arguments],
            input=stdin,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if completed.returncode != 0:
            raise LocalClusterError(
                f"`{name} {' '.join(arguments)}` failed.", why=(completed.stderr or completed.stdout).strip()
            )
        return completed.stdout
