"""The programs a cluster consists of, by name. It must not know how they come to be."""

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
    """Paths of programs and of the data they ship.

    Attributes:
        paths: program name -> absolute path.
        data: artifact name -> folder of the files its Go module ships.
    """

    paths: Mapping[str, Path]
    data: Mapping[str, Path]

    @classmethod
    def of(cls, slots: Iterable[Slot]) -> Programs:
        """The programs of these places in the cache."""
        paths: dict[str, Path] = {}
        data: dict[str, Path] = {}
        for each in slots:
            names = each.artifact.programs or (each.artifact.name,)
            paths |= {name: each.binaries / name for name in names}
            data[each.artifact.name] = each.data
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
        """Run a short program to its end and return what it printed; ``environment`` is added to our own.

        Raises:
            LocalClusterError: it failed; the message holds what it said.
        """
        done = subprocess.run(
            [str(self.path(name)), *arguments],
            input=stdin,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LocalClusterError(f"`{name} {' '.join(arguments)}` failed.", why=(done.stderr or done.stdout).strip())
        return done.stdout
