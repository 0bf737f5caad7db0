"""The formulas of metrics, defined once: exact, and rounded to 12 decimals when they are shown.

Null, not zero, where the denominator is zero, and where something that goes in is not known.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import msgspec

Number = int | Decimal | Fraction

DECIMALS = 12

_THOUSAND = 1_000


class Value(msgspec.Struct, frozen=True):
    """What conversions are worth in one currency, in minor units; `conversions` is None where nobody knows how many."""

    amount: Decimal
    conversions: int | None


class Tally(msgspec.Struct, frozen=True):
    """Conversions, and their value in each currency."""

    conversions: Decimal
    values: Mapping[str, Value]


class Ledger(msgspec.Struct, frozen=True):
    """All that is known of one currency, in its minor units; impressions to conversions are of what is paid in it."""

    currency: str
    impressions: int
    visits: int
    conversions: Decimal | None
    spend: Fraction | None
    revenue: Value | None


class CurrencyFigures(msgspec.Struct, frozen=True):
    """Money in minor units of one currency."""

    currency: str
    impressions: int
    visits: int
    conversions: Decimal | None
    spend: Decimal | None
    revenue: Decimal | None
    cpm: Decimal | None
    cpv: Decimal | None
    cpa: Decimal | None
    aov: Decimal | None
    roas: Decimal | None


def figures(ledger: Ledger) -> CurrencyFigures:
    spend, revenue = ledger.spend, ledger.revenue
    amount = None if revenue is None else revenue.amount
    return CurrencyFigures(
        currency=ledger.currency,
        impressions=ledger.impressions,
        visits=ledger.visits,
        conversions=ledger.conversions,
        spend=shown(spend),
        revenue=shown(amount),
        cpm=ratio(None if spend is None else spend * _THOUSAND, ledger.impressions),
        cpv=ratio(spend, ledger.visits),
        cpa=ratio(spend, ledger.conversions),
        aov=ratio(amount, None if revenue is None else revenue.conversions),
        roas=ratio(amount, spend),
    )


def ratio(numerator: Number | None, denominator: Number | None) -> Decimal | None:
    """None where either is not known, and where the denominator is zero."""
    if numerator is None or denominator is None or denominator == 0:
        return None
    return shown(Fraction(numerator) / Fraction(denominator))


def shown(number: Number | None) -> Decimal | None:
    """Rounded to 12 decimals, half to even."""
    if number is None:
        return None
    # Made of text, a decimal has all its digits, whatever the context's precision.
    return Decimal(f"{round(Fraction(number) * 10**DECIMALS)}e-{DECIMALS}")
