"""Where weights are: ``scheme://path[@revision]``, parsed once, never guessed.

A source becomes a positional argument, an environment variable or an image reference of a pod. So it holds nothing that
these would read as something else: no flag, no ``$(VARIABLE)`` that the kubelet expands, no credentials, no control character.
"""

from __future__ import annotations

import re
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
_FORBIDDEN_STARTS = (".", "-")  # a way out of the folder, and what an engine reads as a flag
# What a URL needs no escape for, and letters of any script: folders of a claim may have Chinese names.
_ALLOWED = re.compile(r"[\w.~+=:/@%-]*")
_WITH_REVISIONS = (Scheme.HUGGING_FACE, Scheme.MODELSCOPE, Scheme.OCI)
_EXAMPLE = "write scheme://path[@revision], e.g. modelscope://Qwen/Qwen3-32B@master, hf://Qwen/Qwen3-32B or pvc://CLAIM/PATH"


@lru_cache(maxsize=8192)
def parse_source(text: str) -> Source:
    """Parse a weights source.

    Raises:
        SourceError: the scheme is unknown, a part is missing or begins with a dot or a hyphen, a character is not allowed, or
            the text holds credentials. The message quotes a text only when it cannot hold any.
    """
    if not _ALLOWED.fullmatch(text):
        raise SourceError("the source has a character that is not allowed: use letters, digits and . _ ~ + = : / @ % -")
    scheme_text, separator, rest = text.partition("://")
    if not separator:
        raise SourceError(f"source '{text}' has no scheme; {_EXAMPLE}")
    try:
        scheme = Scheme(scheme_text)
    except ValueError:
        known = ", ".join(Scheme)
        raise SourceError(f"source '{text}' has the unknown scheme '{scheme_text}'; known are {known}") from None
    location, _, revision = rest.partition("@")
    _check_credentials(scheme, location, revision)
    _check_segments(text, location)
    if revision.startswith(_FORBIDDEN_STARTS):
        raise SourceError(f"source '{text}' has the revision '{revision}': it may not begin with '{revision[0]}'")
    if scheme is Scheme.PVC:
        return _claim_source(text, location, revision)
    if scheme in (Scheme.HUGGING_FACE, Scheme.MODELSCOPE) and location.count("/") != _REPOSITORY_SEGMENTS - 1:
        raise SourceError(f"source '{text}' must name organisation/repository, e.g. {scheme}://Qwen/Qwen3-32B")
    return Source(scheme, location, revision)


def _check_credentials(scheme: Scheme, location: str, revision: str) -> None:
    """Refuse ``KEY:SECRET@host`` forms, and every revision of a store that has none, without a quotation."""
    if revision and scheme not in (*_WITH_REVISIONS, Scheme.PVC):
        raise SourceError(
            f"a source of {scheme}:// has no '@': object stores have no revisions, put the version into the path; "
            "credentials belong into the Secret that secretName names"
        )
    is_user = "/" not in location and (":" in location or scheme is not Scheme.PVC)
    if revision and is_user and "/" in revision:
        raise SourceError("the source holds credentials before '@': put them into the Secret that secretName names")


def _check_segments(text: str, location: str) -> None:
    segments = location.split("/")
    if not location or "" in segments:
        raise SourceError(f"source '{text}' has an empty path segment; {_EXAMPLE}")
    wrong = next((segment for segment in segments if segment.startswith(_FORBIDDEN_STARTS)), None)
    if wrong is not None:
        raise SourceError(f"source '{text}' has the segment '{wrong}': no segment may begin with '{wrong[0]}'")


def _claim_source(text: str, location: str, revision: str) -> Source:
    claim, _, path = location.partition("/")
    if revision:
        raise SourceError(f"source '{text}' has a revision; a claim has none, put the version into the path")
    return Source(Scheme.PVC, path, claim=claim)
