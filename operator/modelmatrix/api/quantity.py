"""Kubernetes quantities as integers: device counts and bytes.

Only what the planner reads is supported: plain integers, exponents (``1e3``), milli and binary or decimal suffixes.
"""

from __future__ import annotations

import re
from decimal import Decimal

_FACTORS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
_PLAIN = re.compile(r"[0-9]{1,18}")
_PLAIN_MILLI = re.compile(r"[0-9]{1,18}m")
_QUANTITY = re.compile(r"([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i)?)")


class QuantityError(ValueError):
    """The text is not a Kubernetes quantity."""


def parse_quantity(text: str | float) -> Decimal:
    """The value of a Kubernetes quantity, e.g. ``8``, ``1e3``, ``500m`` or ``1500Gi`` (in bytes).

    Raises:
        QuantityError: the text is not a quantity.
    """
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        raise QuantityError(f"'{text}' is not a Kubernetes quantity")
    number, exponent, suffix = match.groups()
    factor = Decimal(10) ** int(exponent) if exponent else _FACTORS[suffix or ""]
    return Decimal(number) * factor


def millicores(text: str | float) -> int:
    """A quantity of CPU in thousandths of a core; a text that is not a quantity counts as 0."""
    if type(text) is str and _PLAIN_MILLI.fullmatch(text):  # nearly every request
        return int(text[:-1])
    try:
        return max(0, int(1000 * parse_quantity(text)))
    except QuantityError:
        return 0


def count(text: str | float) -> int:
    """A quantity of whole devices, rounded down; a text that is not a quantity counts as 0."""
    if type(text) is str and _PLAIN.fullmatch(text):  # nearly every quantity of devices: no need for Decimal
        return int(text)
    try:
        return max(0, int(parse_quantity(text)))
    except QuantityError:
        return 0
