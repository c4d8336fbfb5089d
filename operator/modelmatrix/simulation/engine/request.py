"""A request as it arrives, and its times once it has finished. Plain tuples, because a simulation makes millions of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from modelmatrix.performance.engine_timing import SloBounds


class Request(NamedTuple):
    """A request at the gateway: the model time of its arrival and its token lengths.

    ``output_tokens`` is 0 for embeddings and rerankers. ``hit_ratio`` is the share of the prompt in the prefix cache.
    """

    arrival_seconds: float
    input_tokens: int
    output_tokens: int
    hit_ratio: float = 0.0


class Completed(NamedTuple):
    """A finished request with its times at the client and in the engine, in seconds of model time.

    The engine received it at ``received_seconds`` (after its arrival if no replica was ready) and first ran it at
    ``admitted_seconds``. For a request without output tokens ``first_token_seconds`` equals ``finished_seconds``.
    """

    request: Request
    received_seconds: float
    admitted_seconds: float
    first_token_seconds: float
    finished_seconds: float
    preemptions: int

    @property
    def ttft_seconds(self) -> float:
        """Seconds to the first token for the client, including the wait for a ready replica."""
        return self.first_token_seconds - self.request.arrival_seconds

    @property
    def tpot_seconds(self) -> float:
        """Mean seconds per output token after the first; 0.0 for requests of at most one token."""
        following = self.request.output_tokens - 1
        return (self.finished_seconds - self.first_token_seconds) / following if following > 0 else 0.0

    @property
    def e2e_seconds(self) -> float:
        """Seconds from arrival to the last token."""
        return self.finished_seconds - self.request.arrival_seconds

    def meets_ttft(self, slo: SloBounds) -> bool:
        """Whether the time to first token is within the SLO; true without a bound."""
        return slo.ttft_seconds is None or self.ttft_seconds <= slo.ttft_seconds

    def meets_tpot(self, slo: SloBounds) -> bool:
        """Whether the mean time per output token is within the SLO; true without a bound."""
        return slo.tpot_seconds is None or self.tpot_seconds <= slo.tpot_seconds

    def meets(self, slo: SloBounds) -> bool:
        """Whether all bounds of the SLO are met: the joint attainment of one request."""
        within_e2e = slo.e2e_seconds is None or self.e2e_seconds <= slo.e2e_seconds
        return within_e2e and self.meets_ttft(slo) and self.meets_tpot(slo)
