"""``kubectl matrix profile``: a model's config.json into a ModelProfile, ready to be applied."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from modelmatrix.api import names
from modelmatrix.api.profiles import ModelProfileSpec, Task
from modelmatrix.catalogue.huggingface.config import ConfigError, profile_of
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.field_errors import describe_validation_error
from modelmatrix.cli.options import print_document

FILE = "config.json"
NAME_LENGTH = 63
TASKS = click.Choice([str(task) for task in Task], case_sensitive=False)


@click.command()
@click.argument("config")
@click.option("--name", help="Name of the ModelProfile; the name of the folder or file by default.")
@click.option("--alias", "aliases", multiple=True, help="Another name that deployments may use; repeatable.")
@click.option("--task", type=TASKS, help="Task of the model, where its class does not determine it.")
@click.option("--max-model-len", type=click.IntRange(min=1), help="Context length for deployments that do not set maxModelLen.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", help="Output format.")
def profile(
    *, config: str, name: str | None, aliases: tuple[str, ...], task: str | None, max_model_len: int | None, output: str
) -> None:
    """Turn a model's config.json into a ModelProfile.

    CONFIG is the file or its folder; - reads the standard input.
    """
    content = _read(config)
    try:
        spec = profile_of(content, task=Task(task.capitalize()) if task else None, aliases=aliases, sources=[_source(config)])
    except (ConfigError, ValidationError) as error:
        raise CliError(f"{config}: {_first_line(error)}") from None
    if max_model_len:
        spec = spec.model_copy(update={"default_max_model_len": max_model_len})
    print_document(_manifest(_name(config, content, name), spec), output)


def _read(config: str) -> dict[str, Any]:
    path = Path(config) / FILE if Path(config).is_dir() else Path(config)
    try:
        text = sys.stdin.read() if config == "-" else path.read_text(encoding="utf-8")
        content = json.loads(text)
    except FileNotFoundError:
        raise CliError(f"{path}: no such file") from None
    except OSError as error:
        raise CliError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # no text, or no JSON
        raise CliError(f"{config}: is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise CliError(f"{config}: is not an object, so it is not a config.json")
    return content


def _source(config: str) -> str:
    return "standard input (config)" if config == "-" else f"{config} (config)"


def _name(config: str, content: dict[str, Any], name: str | None) -> str:
    if name is not None:
        return name
    path = Path(config)
    known = str(content.get("_name_or_path") or "")
    guess = path.name if path.is_dir() else path.stem if path.name != FILE else path.resolve().parent.name
    text = known.rstrip("/").rpartition("/")[2] or ("" if config == "-" else guess)
    result = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:NAME_LENGTH]
    if not result:
        raise CliError("the model has no name: set one with --name")
    return result


def _manifest(name: str, spec: ModelProfileSpec) -> dict[str, Any]:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.MODEL_PROFILES.kind,
        "metadata": {"name": name},
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    }


def _first_line(error: ConfigError | ValidationError) -> str:
    return describe_validation_error(ModelProfileSpec, error) if isinstance(error, ValidationError) else str(error)
