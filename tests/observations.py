"""Observations of a scaling policy with sensible defaults: a test sets only the fields that it is about.

One replica of ``CHAT`` serves about twelve requests per second within the SLO.
"""

from __future__ import annotations

from typing import Any

from modelmatrix.api.reasons import Reason
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds, TokenLengths
from modelmatrix.scaling.observation.observation import (
    BoundAttainment,
    Decision,
    EngineReading,
    Observation,
    Policy,
    Traffic,
    Variant,
)
from modelmatrix.scaling.observation.replica_bounds import ReplicaBounds

SLO = SloBounds(ttft_seconds=2.0, tpot_seconds=0.05, percentile=99.0)
CHAT = EngineTiming(0.016, 41e-6, 36e-9)
LIMITS = EngineLimits(max_num_seqs=256, kv_tokens=300_000)
LENGTHS = TokenLengths(input_tokens=1155.0, output_tokens=211.0)
# Requests per second at which the mean time per output token reaches its bound.
CAPACITY = CHAT.tpot_capacity(SLO.tpot_seconds, LENGTHS)
START = 180.0


def traffic(rate: float = 10.0, **fields: Any) -> Traffic:
    """Constant traffic at a rate, all of it within the SLO."""
    whole = BoundAttainment(requests=120.0 * rate, within=120.0 * rate) if rate else None
    defaults: dict[str, Any] = {
        "arrivals_per_second": rate,
        "arrivals_per_second_long": rate,
        "arrivals_per_second_fast": rate,
        "waiting": 0.0,
        "running": CHAT.running(min(rate, 10.0), LENGTHS),
        "input_tokens": LENGTHS.input_tokens,
        "output_tokens": LENGTHS.output_tokens,
        "kv_usage_ratio": 0.3,
        "observed_seconds": 120.0,
        "ttft": whole,
        "tpot": whole,
    }
    return Traffic(**defaults | fields)


def reading(rate: float, *, timing: EngineTiming = CHAT) -> EngineReading:
    """An engine that serves a rate with a timing."""
    running = timing.running(rate, LENGTHS)
    return EngineReading(
        step_seconds=timing.itl_seconds(rate, LENGTHS),
        running=running,
        kv_usage_ratio=running * LENGTHS.mean_context_tokens / LIMITS.kv_tokens,
        prompt_tokens_per_second=rate * LENGTHS.computed_tokens,
    )


def variant(ready: int = 2, **fields: Any) -> Variant:
    """A pool with replicas and many free devices."""
    defaults: dict[str, Any] = {
        "pool": "a",
        "timing": CHAT,
        "limits": LIMITS,
        "start_seconds": START,
        "cost_per_hour": 1.0,
        "devices": 2,
        "ready": ready,
        "starting": 0,
        "room": 100,
    }
    return Variant(**defaults | fields)


def observation(second: float = 0.0, **fields: Any) -> Observation:
    """A deployment of two replicas that serves ten requests per second."""
    defaults: dict[str, Any] = {
        "second": second,
        "slo": SLO,
        "variants": (variant(),),
        "quality": Reason.SIGNALS_FRESH,
        "quality_message": "2 replicas are measured",
        "traffic": traffic(),
    }
    bounds = {name: fields.pop(name) for name in ("min_replicas", "max_replicas", "floor", "window") if name in fields}
    defaults["bounds"] = ReplicaBounds(**{"min_replicas": 1, "max_replicas": 20} | bounds)
    merged = defaults | fields
    merged.setdefault("desired", sum(one.replicas for one in merged["variants"]))
    return Observation(**merged)


def unknown(**fields: Any) -> dict[str, Any]:
    """Signals that cannot be trusted."""
    return {"quality": Reason.SIGNALS_MISSING, "quality_message": "no samples", "traffic": None} | fields


class Watch:
    """Runs a policy on a deployment every 15 s, and applies its decisions at once."""

    def __init__(self, policy: Policy[Any], *, ready: int = 2, second: float = 0.0, **fields: Any) -> None:
        self.policy, self.second, self.fields = policy, second, fields
        self.ready = ready
        self.memory = policy.initial_state(second)
        self.decision: Decision | None = None

    def look(self, *, times: int = 1, **fields: Any) -> Decision:
        """The last decision of several polls of the same observation."""
        for _ in range(times):
            seen = observation(self.second, **{"variants": (variant(self.ready),), **self.fields, **fields})
            self.decision, self.memory = self.policy.decide(seen, self.memory)
            self.ready = self.decision.replicas
            self.second += 15.0
        if self.decision is None:
            raise ValueError("no look")
        return self.decision
