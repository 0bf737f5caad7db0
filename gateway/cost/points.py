"""Points, in which queries are priced: exact, as whole thousandths."""

from typing import Final, NewType

Points = NewType("Points", int)
"""Thousandths of a point: sums and products of counts are exact, also in Redis, whose numbers are exact to 2^53."""

ONE: Final = Points(1_000)


def points(whole: int) -> Points:
    """So many whole points."""
    return Points(whole * ONE)


def shown(amount: Points) -> int | float:
    """The number for JSON, with at most three decimals; whole numbers without any."""
    return amount / ONE if amount % ONE else amount // ONE


def readable(amount: Points) -> str:
    """The same for people, in sentences and tables: '1,234.5'."""
    return f"{shown(amount):,}"
