"""Amounts of money: minor units of an ISO 4217 currency."""

from typing import Annotated

import msgspec
from iso4217 import Currency
from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError


class Money(msgspec.Struct, frozen=True):
    """`amount_minor` is in the currency's minor units: 1,250 is 12.50 in USD and 1,250 in JPY."""

    amount_minor: int
    currency: str


def _known(code: str) -> str:
    try:
        has_minor_units = Currency(code).exponent is not None
    except ValueError:
        has_minor_units = False
    if not has_minor_units:
        raise PydanticCustomError("unknown_currency", "This must be the ISO 4217 code of a currency, such as 'USD'.")
    return code


CurrencyCode = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, max_length=3), AfterValidator(_known)
]
"""An ISO 4217 code whose currency has minor units: precious metals and test codes are none."""
