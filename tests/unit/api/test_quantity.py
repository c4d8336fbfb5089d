"""Kubernetes quantities against decimal arithmetic, and junk."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelmatrix.api.quantity import QuantityError, count, millicores, parse_quantity

SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
numbers = st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=3).map(lambda number: f"{number:f}")


@given(numbers, st.sampled_from(sorted(SUFFIXES)))
def test_decimal_suffixes_are_powers_of_ten(number: str, suffix: str) -> None:
    assert parse_quantity(number + suffix) == Decimal(number).scaleb(SUFFIXES[suffix])


@given(numbers, st.sampled_from(sorted(BINARY)))
def test_binary_suffixes_are_powers_of_two(number: str, suffix: str) -> None:
    assert parse_quantity(number + suffix) == Decimal(number) * 2 ** BINARY[suffix]


@given(numbers, st.integers(-20, 20), st.sampled_from("eE"))
def test_exponents_are_powers_of_ten(number: str, exponent: int, letter: str) -> None:
    assert parse_quantity(f"{number}{letter}{exponent}") == Decimal(number).scaleb(exponent)


@pytest.mark.parametrize(
    ("text", "value"),
    [("8", 8), ("1e3", 1000), ("1E3", 1000), ("1E", 10**18), ("+2", 2), (".5", "0.5"), ("2.", 2), ("-3k", -3000), (16, 16)],
)
def test_forms_that_the_api_server_accepts(text: str | int, value: str | int) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize(
    "junk", ["", "8 ", " 8", "eight", "1e", "1Kii", "1ki", "1e3k", "--1", "1.2.3", "0x8", "nan", "inf", "٣"]
)
def test_junk_is_refused_by_name(junk: str) -> None:
    with pytest.raises(QuantityError, match="is not a Kubernetes quantity"):
        parse_quantity(junk)


@given(st.text())
@example("9" * 5000)
@example("٣")
@example("-1")
def test_a_count_is_total_and_never_negative(text: str) -> None:
    assert count(text) >= 0


@given(st.text() | numbers)
@example("9" * 40)
@example("٣")
def test_a_count_is_the_quantity_rounded_down(text: str) -> None:
    try:
        wanted = max(0, int(parse_quantity(text)))
    except QuantityError:
        wanted = 0
    assert count(text) == wanted


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4", 4000), ("250m", 250), ("0.5", 500), ("1e1", 10000), ("-1", 0), ("junk", 0), (2, 2000)],
)
def test_cpu_is_counted_in_thousandths_of_a_core(text: str | int, expected: int) -> None:
    assert millicores(text) == expected
