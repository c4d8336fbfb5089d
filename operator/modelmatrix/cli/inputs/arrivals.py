"""Arrivals of a simulation: single requests of a trace, or counts per second where the trace has more than 100,000 requests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

from modelmatrix.cli.errors import CliError
from modelmatrix.performance.engine_timing import TokenLengths
from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.traces.files import TraceError
from modelmatrix.simulation.traces.readers import Count, TraceLengths, has_counts_only, read_counts, read_trace

OPENING_SECONDS = 600.0
# The request-level simulator takes about half a minute for this number; a larger trace is simulated as a fluid.
MOST_REQUESTS = 100_000
# A longer trace probably counts its seconds from another start than its own, such as 1970.
LONGEST_DAYS = 92
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """``requests``, or ``counts`` with the mean ``lengths``; the other one is empty.

    ``seconds`` is the length of the trace, ``opening_per_second`` the rate of requests in its first ten minutes.
    """

    lengths: TokenLengths
    seconds: float
    opening_per_second: float
    requests: tuple[Request, ...] = ()
    counts: tuple[Count, ...] = ()


def read_traffic(path: Path, lengths: TraceLengths) -> Traffic:
    """The traffic of a trace; ``lengths`` apply to traces that only count requests.

    Raises:
        CliError: the file cannot be read or is not a trace.
    """
    if not path.exists():
        raise CliError(f"{path}: no such file")
    try:
        if has_counts_only(path):
            counts = tuple(read_counts(path))
            _check_end(path, counts[-1].second)
            if sum(count.requests for count in counts) > MOST_REQUESTS:
                return _fluid(counts, lengths)
        requests = tuple(read_trace(path, lengths=lengths, spread=Random(0)))  # noqa: S311 - a simulation
    except TraceError as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not requests:
        raise CliError(f"{path}: contains no requests")
    _check_end(path, requests[-1].arrival_seconds)
    return _single(requests)


def _check_end(path: Path, second: float) -> None:
    if second > LONGEST_DAYS * DAY_SECONDS:
        raise CliError(
            f"{path}: ends {second / DAY_SECONDS:.0f} days after second 0: count seconds from the start of the trace; "
            f"at most {LONGEST_DAYS} days are simulated"
        )


def _fluid(counts: tuple[Count, ...], lengths: TraceLengths) -> Traffic:
    opening = sum(count.requests for count in counts if count.second < OPENING_SECONDS)
    mean = TokenLengths(input_tokens=lengths.input_tokens, output_tokens=lengths.output_tokens)
    return Traffic(mean, counts[-1].second + counts[-1].step_seconds, opening / OPENING_SECONDS, counts=counts)


def _single(requests: tuple[Request, ...]) -> Traffic:
    number, seconds = len(requests), requests[-1].arrival_seconds
    mean = TokenLengths(
        input_tokens=sum(request.input_tokens for request in requests) / number,
        output_tokens=sum(request.output_tokens for request in requests) / number,
    )
    opening = sum(request.arrival_seconds < OPENING_SECONDS for request in requests)
    return Traffic(mean, seconds, opening / max(1.0, min(seconds, OPENING_SECONDS)), requests=requests)
