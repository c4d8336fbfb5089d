"""The normal distribution, against its definition."""

from __future__ import annotations

from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.scaling.estimate.normal import density, quantile, upper_tail


@given(st.floats(-6.0, 6.0))
def test_shares_and_densities(deviation: float) -> None:
    assert upper_tail(deviation) == pytest.approx(1.0 - NormalDist().cdf(deviation), abs=1e-12)
    assert density(deviation) == pytest.approx(NormalDist().pdf(deviation))


@given(st.floats(0.001, 0.999))
def test_quantiles_turn_shares_back(share: float) -> None:
    assert upper_tail(quantile(share)) == pytest.approx(1.0 - share)
