"""A request on its way through an engine: what arrives, and what is known of it once it has finished.

Plain tuples, because a simulation makes millions of them. They must not know how they were served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from modelmatrix.performance.engine_timing import SloBounds


class Request(NamedTuple):
    """A request at the door: model time of its arrival and its token lengths.

    ``output_tokens`` is 0 for embeddings and rerankers. ``hit_ratio`` is the share of the prompt in the prefix cache.
    """

    arrival_seconds: float
    input_tokens: int
    output_tokens: int
    hit_ratio: float = 0.0


class Completed(NamedTuple):
    """A finished request with the times that its client and its engine saw.

    ``received_seconds`` is when the engine got it (after its arrival if no replica was ready), ``admitted_seconds``
    when it first ran. A request without output tokens has its first "token" when it finishes.
    """

    request: Request
    received_seconds: float
    admitted_seconds: float
    first_token_seconds: float
    finished_seconds: float
    preemptions: int

    @property
    def ttft_seconds(self) -> float:
        """Time to first token as the client sees it, the wait for a ready replica included."""
        return self.first_token_seconds - self.request.arrival_seconds

    @property
    def tpot_seconds(self) -> float:
        """Mean time per output token after the first; 0.0 for requests of at most one token."""
        following = self.request.output_tokens - 1
        return (self.finished_seconds - self.first_token_seconds) / following if following > 0 else 0.0

    @property
    def e2e_seconds(self) -> float:
        """Time from arrival to the last token."""
        return self.finished_seconds - self.request.arrival_seconds

    def meets_ttft(self, slo: SloBounds) -> bool:
        """Whether the first token came in time."""
        return slo.ttft_seconds is None or self.ttft_seconds <= slo.ttft_seconds

    def meets_tpot(self, slo: SloBounds) -> bool:
        """Whether the following tokens came in time, on average."""
        return slo.tpot_seconds is None or self.tpot_seconds <= slo.tpot_seconds

    def meets(self, slo: SloBounds) -> bool:
        """Whether every bound of the SLO was met: the joint attainment of one request."""
        within_e2e = slo.e2e_seconds is None or self.e2e_seconds <= slo.e2e_seconds
        return within_e2e and self.meets_ttft(slo) and self.meets_tpot(slo)
