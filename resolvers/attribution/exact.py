"""Amounts that are divided to the last digit: what is allocated sums exactly to what there was."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Final

PLACES: Final = 12
UNIT: Final = 10**PLACES
"""Allocated amounts are integers of 10^-12."""


def allocated(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in proportion to the weights, by largest remainder; of equal remainders the first goes first.

    Every part is its exact share rounded down or up. Weights are 0 or more; a weight of 0 gets nothing. Without any
    weight there is nobody to give to: the total must then be 0, else ValueError.
    """
    whole = sum(weights)
    if whole == 0:
        if total:
            raise ValueError(f"nobody to allocate {total} to")
        return [0] * len(weights)
    parts, remainders = [], []
    for weight in weights:
        part, remainder = divmod(total * weight, whole)
        parts.append(part)
        remainders.append(remainder)
    missing = total - sum(parts)
    for place in sorted(range(len(weights)), key=lambda place: -remainders[place])[:missing]:
        parts[place] += 1
    return parts


def evenly_allocated(total: int, count: int) -> list[int]:
    """`allocated` to so many of equal weight, at least one."""
    part, missing = divmod(total, count)
    return [part + 1] * missing + [part] * (count - missing)


def decimal(units: int) -> Decimal:
    """So many units of 10^-12, with 12 decimals, whatever the precision of the decimal context."""
    whole, fraction = divmod(units, UNIT)
    return Decimal(f"{whole}.{fraction:0{PLACES}}")


def decimal_text(units: int) -> str:
    """The number that `decimal` gives, as text without an exponent and without zeros at its end."""
    whole, fraction = divmod(units, UNIT)
    return f"{whole}.{fraction:0{PLACES}}".rstrip("0") if fraction else str(whole)


def rounded(amount: Fraction | float) -> Decimal:
    """The amount, 0 or more, to 12 decimals, half to even."""
    return decimal(round(Fraction(amount) * UNIT))


def proportional(amounts: Sequence[Fraction | Decimal | float]) -> list[int]:
    """Integers in exactly the proportions of the amounts, which are 0 or more."""
    ratios = [amount.as_integer_ratio() for amount in amounts]
    whole = lcm(*(denominator for _, denominator in ratios))
    return [numerator * (whole // denominator) for numerator, denominator in ratios]


def shares(amounts: Sequence[Fraction | Decimal | float]) -> list[Decimal]:
    """What each amount is of all of them: 12 decimals that sum to exactly 1; equal shares if all are 0."""
    weights = proportional(amounts)
    total = UNIT if weights else 0
    return [decimal(units) for units in allocated(total, weights if any(weights) else [1] * len(weights))]
