"""The cache of built programs: which folder an artifact belongs to, and how it gets there whole or not at all."""

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
    """A digest of everything of ours that decides what is built, as 16 hexadecimal digits.

    Args:
        artifact: what is built.
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
    """An artifact's place in the cache.

    Attributes:
        artifact: what lies there.
        path: its folder, there only when whole.
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
        """What the build said."""
        return self.path.parent / "logs" / f"{self.path.name}.log"

    @property
    def lock(self) -> Path:
        """Held while building."""
        return self.path.parent / "locks" / f"{self.path.name}.lock"

    def is_built(self) -> bool:
        """Whether it can be used."""
        return self.path.is_dir()

    @contextmanager
    def publishing(self) -> Iterator[Slot]:
        """A scratch slot on the same disk, renamed to this one if the block ends well, else removed."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=self.path.parent))
        try:
            yield Slot(self.artifact, scratch)
            scratch.chmod(0o755)
            scratch.rename(self.path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def slot(artifact: Artifact, *, toolchain: str) -> Slot:
    """Where this version of an artifact belongs."""
    return Slot(artifact, cache_root() / f"{artifact.name}-{content_key(artifact, toolchain=toolchain)}")
