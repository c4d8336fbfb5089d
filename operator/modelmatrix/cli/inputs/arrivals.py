"""What arrives in a simulation: the requests of a trace one by one, or their counts where there are too many."""

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
# So many requests one by one take about half a minute; more are simulated as a fluid.
MOST_REQUESTS = 100_000
# A trace that reaches further counts from another beginning than its own, such as 1970.
LONGEST_DAYS = 92
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What arrives: one by one, or as counts with mean lengths."""

    lengths: TokenLengths
    seconds: float
    opening_per_second: float
    requests: tuple[Request, ...] = ()
    counts: tuple[Count, ...] = ()


def read_traffic(path: Path, lengths: TraceLengths) -> Traffic:
    """The traffic of a trace; ``lengths`` are those of counted requests.

    Raises:
        CliError: the file cannot be read or is no trace.
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
        raise CliError(f"{path}: holds no request")
    _check_end(path, requests[-1].arrival_seconds)
    return _single(requests)


def _check_end(path: Path, second: float) -> None:
    if second > LONGEST_DAYS * DAY_SECONDS:
        raise CliError(
            f"{path}: ends {second / DAY_SECONDS:.0f} days after second 0: count seconds from the beginning of the trace; "
            f"at most {LONGEST_DAYS} days are simulated"
        )


def _fluid(counts: tuple[Count, ...], lengths: TraceLengths) -> Traffic:
    opening = sum(count.requests for count in counts if count.second < OPENING_SECONDS)
    mean = TokenLengths(input_tokens=lengths.input_tokens, output_tokens=lengths.output_tokens)
    return Traffic(mean, counts[-1].second + counts[-1].step_seconds, opening / OPENING_SECONDS, counts=counts)


def _single(requests: tuple[Request, ...]) -> Traffic:
    number, seconds = len(requests), requests[-1].arrival_seconds
    mean = TokenLengths(
        input_tokens=sum(one.input_tokens for one in requests) / number,
        output_tokens=sum(one.output_tokens for one in requests) / number,
    )
    opening = sum(one.arrival_seconds < OPENING_SECONDS for one in requests)
    return Traffic(mean, seconds, opening / max(1.0, min(seconds, OPENING_SECONDS)), requests=requests)
