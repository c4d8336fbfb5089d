"""A copy of the catalogue's data files that a test may change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from modelmatrix.catalogue import loader

BUILTIN = Path(loader.__file__).parent / "data"

Content = dict[str, Any]


def data_folder(path: Path, *additions: Path) -> Path:
    """A copy of the built-in data at ``path``, with the files of further folders laid over it."""
    shutil.copytree(BUILTIN, path)
    for folder in additions:
        shutil.copytree(folder, path, dirs_exist_ok=True)
    return path


def edit(data: Path, name: str, change: Callable[[Content], object]) -> None:
    """Changes the content of a file in place."""
    content = yaml.safe_load((data / name).read_text(encoding="utf-8"))
    change(content)
    (data / name).write_text(yaml.safe_dump(content), encoding="utf-8")
