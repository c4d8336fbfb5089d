"""A gateway in front of replicas: each request goes to the replica with the fewest requests in flight per weight.

Requests wait while no replica is ready. With ``choices`` the router compares a few random replicas instead of all of them:
the imperfect balance of a gateway with several instances. It does not start or stop replicas.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from random import Random

    from modelmatrix.simulation.engine.request import Completed, Request


class Target(Protocol):
    """The part of a replica that the router uses."""

    in_flight: int
    earliest_completion_seconds: float

    def submit(self, request: Request, received_seconds: float | None = None) -> bool:
        """Queue a request; False if it can never be served."""

    def advance(self, until_seconds: float) -> list[Completed]:
        """Simulate until a time; returns the requests that finished."""


class Router:
    """Routes requests in order of time; ``completed`` and ``rejected`` collect the outcomes until the caller takes them."""

    __slots__ = ("_choices", "_random", "_targets", "arrivals", "completed", "queue", "rejected")

    def __init__(self, *, choices: int | None = None, random: Random | None = None) -> None:
        """Start without replicas.

        Raises:
            ValueError: ``choices`` without a source of randomness.
        """
        if choices is not None and random is None:
            raise ValueError("choices needs a seeded random.Random")
        self._choices, self._random = choices, random
        self._targets: list[tuple[float, Target]] = []
        self.queue: deque[Request] = deque()
        self.completed: list[Completed] = []
        self.rejected: list[Request] = []
        self.arrivals = 0

    def submit(self, request: Request) -> None:
        """Route a request at its arrival."""
        self.arrivals += 1
        if self._targets:
            self._assign(request, request.arrival_seconds)
        else:
            self.queue.append(request)

    def add(self, target: Target, at_seconds: float, *, weight: float = 1.0) -> None:
        """Route to a replica from now on, beginning with the requests that wait."""
        self._targets.append((weight, target))
        while self.queue:
            self._assign(self.queue.popleft(), at_seconds)

    def remove(self, target: Target) -> None:
        """Stop routing to a replica; no effect if it is not a target."""
        self._targets = [(weight, other) for weight, other in self._targets if other is not target]

    def _assign(self, request: Request, at_seconds: float) -> None:
        chosen, least = None, float("inf")
        for weight, target in self._candidates():
            if target.earliest_completion_seconds <= at_seconds:
                self.completed += target.advance(at_seconds)
            load = target.in_flight / weight
            if load < least:
                chosen, least = target, load
        if chosen is None or not chosen.submit(request, at_seconds):
            self.rejected.append(request)

    def _candidates(self) -> list[tuple[float, Target]]:
        if self._choices is None or self._random is None or len(self._targets) <= self._choices:
            return self._targets
        return self._random.sample(self._targets, self._choices)
