"""Timing, limits and start-up time of the engine on a pod, from a YAML file; tests may inject another function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field

from engines.cluster.pods import PodView
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming
from modelmatrix.simulation.cluster.variant import StartTime

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class EngineProfile:
    """Timing, limits and start-up time of the engine of one pod."""

    timing: EngineTiming
    limits: EngineLimits
    start: StartTime


ProfileOf = Callable[[PodView], EngineProfile]


class ProfileEntry(BaseModel):
    """A profile in YAML; defaults are Qwen3-32B in BF16 on two H100 (aiconfigurator), started from shared storage."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    alpha_seconds: float = Field(12.8e-3, gt=0)
    beta_seconds_per_token: float = Field(23.8e-6, ge=0)
    gamma_seconds_per_kv_token: float = Field(65e-9, ge=0)
    max_num_seqs: int = Field(256, ge=1)
    kv_tokens: int = Field(305_000, ge=1)
    max_num_batched_tokens: int = Field(8192, ge=1)
    start_seconds: float = Field(100.0, ge=0)
    start_sigma: float = Field(0.0, ge=0)

    @property
    def profile(self) -> EngineProfile:
        """The profile in the simulator's types."""
        return EngineProfile(
            EngineTiming(self.alpha_seconds, self.beta_seconds_per_token, self.gamma_seconds_per_kv_token),
            EngineLimits(
                max_num_seqs=self.max_num_seqs,
                kv_tokens=self.kv_tokens,
                max_num_batched_tokens=self.max_num_batched_tokens,
            ),
            StartTime(self.start_seconds, self.start_sigma),
        )


class ProfileFile(BaseModel):
    """``defaults`` and, by ``namespace/deployment``, the fields that differ from them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    defaults: ProfileEntry = ProfileEntry()
    deployments: dict[str, ProfileEntry] = {}

    def profile_of(self, pod: PodView) -> EngineProfile:
        """The profile of a pod: the fields of its deployment where they are set, else the defaults."""
        overrides = self.deployments.get(pod.owner)
        if overrides is None:
            return self.defaults.profile
        return self.defaults.model_copy(update=overrides.model_dump(exclude_unset=True)).profile


def load_profiles(path: Path | None) -> ProfileOf:
    """The profiles of a YAML file, or the defaults without one."""
    if path is None:
        return ProfileFile().profile_of
    return ProfileFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {}).profile_of
