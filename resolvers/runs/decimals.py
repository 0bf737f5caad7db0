"""Decimal arithmetic that never rounds: the default context keeps 28 digits, and sums of money may have more."""

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact
from typing import Final

_EXACT: Final = Context(prec=100, traps=[Inexact])


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return total


def exact_difference(amount: Decimal, other: Decimal) -> Decimal:
    return _EXACT.subtract(amount, other)
