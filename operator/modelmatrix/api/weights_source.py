"""Where weights are: ``scheme://path[@revision]``, parsed once, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Scheme(StrEnum):
    """Stores that weights can come from."""

    MODELSCOPE = "modelscope"
    HUGGING_FACE = "hf"
    S3 = "s3"
    OBS = "obs"
    OCI = "oci"
    PVC = "pvc"


class SourceError(ValueError):
    """The source cannot be parsed; the text names the error and the correct form."""


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed source.

    ``location`` is the path inside the store: ``organisation/repository``, ``bucket/key``, ``registry/image`` or, for a
    claim, the path below the claim's root. ``claim`` is set for ``pvc`` only. ``revision`` is a branch, tag or digest.
    """

    scheme: Scheme
    location: str
    revision: str = ""
    claim: str = ""


_REPOSITORY_SEGMENTS = 2
_EXAMPLE = "write scheme://path[@revision], e.g. modelscope://Qwen/Qwen3-32B@master, hf://Qwen/Qwen3-32B or pvc://CLAIM/PATH"


@lru_cache(maxsize=8192)
def parse_source(text: str) -> Source:
    """Parse a weights source.

    Raises:
        SourceError: the scheme is unknown, a part is missing, or a path segment begins with a dot.
    """
    scheme_text, separator, rest = text.partition("://")
    if not separator:
        raise SourceError(f"source '{text}' has no scheme; {_EXAMPLE}")
    try:
        scheme = Scheme(scheme_text)
    except ValueError:
        known = ", ".join(Scheme)
        raise SourceError(f"source '{text}' has the unknown scheme '{scheme_text}'; known are {known}") from None
    location, _, revision = rest.partition("@")
    _check_segments(text, location)
    if scheme is Scheme.PVC:
        return _claim_source(text, location, revision)
    if scheme in (Scheme.HUGGING_FACE, Scheme.MODELSCOPE) and location.count("/") != _REPOSITORY_SEGMENTS - 1:
        raise SourceError(f"source '{text}' must name organisation/repository, e.g. {scheme}://Qwen/Qwen3-32B")
    return Source(scheme, location, revision)


def _check_segments(text: str, location: str) -> None:
    segments = location.split("/")
    if not location or "" in segments:
        raise SourceError(f"source '{text}' has an empty path segment; {_EXAMPLE}")
    hidden = next((segment for segment in segments if segment.startswith(".")), None)
    if hidden is not None:
        raise SourceError(f"source '{text}' has the segment '{hidden}': no segment may begin with '.'")


def _claim_source(text: str, location: str, revision: str) -> Source:
    claim, _, path = location.partition("/")
    if revision:
        raise SourceError(f"source '{text}' has a revision; a claim has none, put the version into the path")
    return Source(Scheme.PVC, path, claim=claim)
