"""Points, in which queries are priced: exact, as whole thousandths."""

from decimal import Decimal, InvalidOperation
from typing import Final, NewType

Points = NewType("Points", int)
"""Thousandths of a point: sums and products of counts are exact, also in Redis, whose numbers are exact to 2^53."""

ONE: Final = Points(1_000)


def points(whole: int) -> Points:
    """So many whole points."""
    return Points(whole * ONE)


def parsed_points(text: str) -> Points:
    """The points of a decimal number such as '0.25'. Raises ValueError for no number, or more than three decimals."""
    try:
        thousandths = Decimal(text) * ONE
        whole = int(thousandths)
    except (InvalidOperation, ValueError, OverflowError):
        raise ValueError(f"'{text}' is not a number") from None
    if thousandths != whole:
        raise ValueError(f"'{text}' has more than three decimals")
    return Points(whole)


def shown(amount: Points) -> int | float:
    """The number for people and JSON, with at most three decimals; whole numbers without any."""
    whole, rest = divmod(amount, ONE)
    return whole if rest == 0 else amount / ONE
