"""The cache of built programs: the folder of each artifact by content, filled atomically."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localcluster.paths import cache_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster.build.artifacts import Artifact

_KEY_LENGTH = 16


def content_key(artifact: Artifact, *, toolchain: str) -> str:
    """A digest of all inputs that determine the result, as 16 hexadecimal digits.

    Args:
        artifact: the artifact to build.
        toolchain: version, system and architecture of the Go compiler.
    """
    digest = hashlib.sha256()
    for part in (toolchain, artifact.package, *artifact.programs, *artifact.flags, *map(str, artifact.data.items())):
        digest.update(part.encode() + b"\0")
    for source in artifact.sources:
        digest.update(source.name.encode() + b"\0" + hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()[:_KEY_LENGTH]


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of an artifact in the cache.

    Attributes:
        artifact: the artifact.
        path: its folder, which exists only when the build is complete.
    """

    artifact: Artifact
    path: Path

    @property
    def binaries(self) -> Path:
        """The folder of programs."""
        return self.path / "bin"

    @property
    def data(self) -> Path:
        """The folder of files that a Go module ships."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """The output of the build."""
        return self.path.parent / "logs" / f"{self.path.name}.log"

    @property
    def lock(self) -> Path:
        """Held while building."""
        return self.path.parent / "locks" / f"{self.path.name}.lock"

    def is_built(self) -> bool:
        """Whether the build is complete."""
        return self.path.is_dir()

    @contextmanager
    def publishing(self) -> Iterator[Slot]:
        """A scratch slot on the same disk, renamed to this one if the block succeeds, and removed otherwise."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=self.path.parent))
        try:
            yield Slot(self.artifact, scratch)
            scratch.chmod(0o755)
            scratch.rename(self.path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def slot(artifact: Artifact, *, toolchain: str) -> Slot:
    """The slot of this version of an artifact."""
    return Slot(artifact, cache_root() / f"{artifact.name}-{content_key(artifact, toolchain=toolchain)}")
