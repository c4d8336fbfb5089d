"""Requests drawn from ServeGen's statistics have its rates, its burstiness and its lengths."""

# ruff: noqa: S311 - seeded draws, no secrets
from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from benchmark.scenarios.servegen import ClientLengths, Quantiles, Window, read_servegen
from modelmatrix.simulation.traces.files import TraceError

SERVEGEN = Path(__file__).parents[3] / "traces" / "servegen"
CLIENTS = SERVEGEN / "language_m-large_clients_10min.csv.gz"
LENGTHS = SERVEGEN / "language_m-large_lengths_quantiles.csv.gz"
BANK_LIKE = {142, 56, 15, 156, 48, 31, 69}


def test_the_same_seed_draws_the_same_requests_in_order() -> None:
    def draw() -> list[float]:
        between = (36_000.0, 38_400.0)
        part = read_servegen(CLIENTS, LENGTHS, Random(7), only=BANK_LIKE, between_seconds=between, rate_factor=0.02)
        return [request.arrival_seconds for request in part]

    seconds = draw()
    assert seconds == draw() == sorted(seconds)
    assert seconds[0] >= 0
    assert seconds[-1] < 2400


def test_all_clients_together_have_the_published_rate() -> None:
    part = list(read_servegen(CLIENTS, LENGTHS, Random(1), between_seconds=(36_000.0, 36_600.0), rate_factor=0.1))
    full = sum(1 for _ in read_servegen(CLIENTS, LENGTHS, Random(2), between_seconds=(36_000.0, 36_600.0)))
    assert len(part) == pytest.approx(full * 0.1, rel=0.05)
    assert 100 < full / 600 < 400  # the fortnight's mean is 196 requests per second


@pytest.mark.parametrize(("pattern", "shape"), [("Gamma", 0.5), ("Weibull", 0.6), ("Gamma", 4.0)])
def test_gaps_have_mean_one(pattern: str, shape: float) -> None:
    window, random = Window(0.0, 1.0, pattern, shape), Random(3)
    assert sum(window.gap(random) for _ in range(20_000)) / 20_000 == pytest.approx(1.0, rel=0.05)


def test_a_window_has_its_expected_number_of_requests() -> None:
    random = Random(5)
    arrivals = Window(1200.0, 0.5, "Weibull", 0.4).arrivals(random, 2.0)
    assert len(arrivals) in {600, 601}
    assert 1200 <= min(arrivals) <= max(arrivals) < 1800


def test_lengths_follow_their_quantiles_and_change_with_time() -> None:
    quantiles = Quantiles([0.0, 100.0], [[10.0, 20.0, 30.0], [100.0, 200.0, 300.0]])
    random = Random(2)
    early = [quantiles.sample(50.0, [0.1, 0.5, 0.9], random) for _ in range(5000)]
    late = [quantiles.sample(150.0, [0.1, 0.5, 0.9], random) for _ in range(5000)]
    assert (min(early), max(early)) == (10, 30)
    assert sum(late) / len(late) == pytest.approx(200, rel=0.03)


def test_a_client_without_lengths_borrows_them() -> None:
    some = {"input_tokens": Quantiles([0.0], [[5.0, 5.0]]), "output_tokens": Quantiles([0.0], [[6.0, 6.0]])}
    assert ClientLengths([0.0, 1.0], {3: some}).sample(99, 0.0, Random(1)) == (5, 6)


@pytest.mark.parametrize(
    ("clients", "lengths", "says"),
    [
        ("client,t\n", "client,t_s,field,mean,q50\n0,0,input_tokens,1,1\n0,0,output_tokens,1,1\n", "the header client"),
        ("client,t_s,rate_rps,cv,pattern,arg1,arg2\n0,0,1,1,Poisson,1,1\n", None, "Gamma or Weibull"),
        ("client,t_s,rate_rps,cv,pattern,arg1,arg2\n", "client,t_s,field,mean,q50\n0,0,input_tokens,1,1\n", "none"),
    ],
)
def test_broken_tables_are_named(tmp_path: Path, clients: str, lengths: str | None, says: str) -> None:
    tables = tmp_path / "clients.csv", tmp_path / "lengths.csv"
    tables[0].write_text(clients, encoding="utf-8")
    tables[1].write_text(
        lengths or "client,t_s,field,mean,q50\n0,0,input_tokens,1,1\n0,0,output_tokens,1,1\n", encoding="utf-8"
    )
    with pytest.raises(TraceError, match=says):
        list(read_servegen(*tables, Random(1)))
