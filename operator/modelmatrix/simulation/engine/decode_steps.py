"""Closed form of a block of decode steps in which nothing changes but the KV cache.

With ``n`` requests decoding, step ``j = 1, 2, ...`` lasts ``base + growth * j`` seconds, where ``base`` is alpha plus
gamma times the KV tokens before the block, and ``growth`` is gamma times ``n``: a block costs the same however long.
"""

from __future__ import annotations

from math import sqrt


def block_seconds(steps: int, base_seconds: float, growth_seconds: float) -> float:
    """Duration of the first ``steps`` steps."""
    return steps * base_seconds + growth_seconds * (steps * (steps + 1) // 2)


def steps_ending_by(limit_seconds: float, start_seconds: float, base_seconds: float, growth_seconds: float) -> int:
    """Number of steps that end at or before a time: the largest ``m`` with ``start + block_seconds(m) <= limit``."""
    span = limit_seconds - start_seconds
    if span < base_seconds:
        return 0
    linear = base_seconds + growth_seconds * 0.5
    # The root in the form that neither cancels nor divides by a growth of zero.
    steps = int(2.0 * span / (linear + sqrt(linear * linear + 2.0 * growth_seconds * span)))
    while steps and start_seconds + block_seconds(steps, base_seconds, growth_seconds) > limit_seconds:
        steps -= 1
    while start_seconds + block_seconds(steps + 1, base_seconds, growth_seconds) <= limit_seconds:
        steps += 1
    return steps


def steps_reaching(target_seconds: float, start_seconds: float, base_seconds: float, growth_seconds: float) -> int:
    """Number of steps after which a time has come: the smallest ``m`` with ``start + block_seconds(m) >= target``."""
    steps = steps_ending_by(target_seconds, start_seconds, base_seconds, growth_seconds)
    if start_seconds + block_seconds(steps, base_seconds, growth_seconds) < target_seconds:
        steps += 1
    return steps
