"""Whole numbers as use cases accept them."""

from typing import Annotated, NewType

from pydantic import Field

LARGEST = 2**53 - 1
"""What every JSON parser reads exactly."""

BigInt = NewType("BigInt", int)
"""An integer that may need more than 32 bits; the graph has a scalar of this name, since its Int has no more."""

Natural = Annotated[BigInt, Field(ge=0, le=LARGEST)]
"""From 0; of money, in the currency's minor units, such as cents."""

Seconds = Annotated[int, Field(ge=0, le=10**7)]
"""A length of time, or a place in an episode."""
