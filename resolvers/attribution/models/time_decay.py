"""Credit that halves with every half-life between touch and conversion."""

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from itertools import chain, islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resolvers.attribution.exact import UNIT, decimal
from resolvers.attribution.model import Model, Parameters, ParameterSpec
from resolvers.attribution.paths import Credits, Integers, PathCounts, Reason, SinglePath, Touch
from resolvers.attribution.sharing import owners
from resolvers.attribution.sums import Sums
from resolvers.errors import invalid

LONGEST: Final = 100_000
"""Touches of one path: with more, the sum of its weights leaves 63 bits."""

_EXACT: Final = Context(prec=40)
_LN_2: Final = Decimal("0.6931471805599453094172321214581765680755")
_STEP: Final = 4096
"""Seconds: powers are the product of a whole number of steps and a remainder, each from a table."""

_BITS: Final = 42
_NEGLIGIBLE: Final = 64
"""Half-lives after which a touch weighs less than the last bit."""

_BASES: Final = (10**4, 10**3, 10**2, 10)
_WIDEST: Final = 2**63 - 1


class TimeDecay(Model):
    """A touch weighs 2^(−age ÷ half-life); its share is its weight over the sum of its path's weights.

    Shares have 12 decimals and sum to 1 path by path, by largest remainder, of equals the oldest first; totals are
    exact sums of shares times conversions. No library's exp or pow has a part in it: these differ between machines in
    the last bit. Powers come from correctly rounded decimals and one multiplication of doubles, and are whole numbers
    of 2^-42 from there on, relative to the path's last touch so that old paths lose nothing.
    """

    kind = "TIME_DECAY"
    description = "A touch earns by its age: half as much for every half-life before the conversion."
    parameters = (
        ParameterSpec(
            "halfLifeHours", "Hours in which the weight of a touch halves.", "168", Decimal("0.1"), Decimal(87_600)
        ),
    )
    needs_ages = True

    def credits(self, paths: PathCounts, parameters: Parameters) -> Credits:
        powers = _Powers(parameters)
        conversions = _Total(paths.node_count)
        values = {currency: _Total(paths.node_count) for currency in paths.values}
        for block in paths.blocks():
            if block.ages is None:
                raise ValueError("TIME_DECAY needs the age of every touch")
            units = _shares(block.ages, block.offsets, powers)
            owner = owners(block)
            conversions.add(block.nodes, units, block.conversions[owner])
            for currency, column in block.values.items():
                values[currency].add(block.nodes, units, column[owner])
        return Credits(conversions.decimals(), {currency: total.decimals() for currency, total in values.items()})

    def divided(
        self, paths: Sequence[SinglePath], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[list[int]]:
        touched = [path.ages for path in paths if path.nodes]
        if not touched:
            return [[] for _ in paths]
        offsets = np.cumsum([0, *map(len, touched)], dtype=np.int64)
        ages = np.fromiter(chain.from_iterable(touched), np.int64, int(offsets[-1]))
        units = iter(_shares(ages, offsets, _Powers(parameters)).tolist())
        return [list(islice(units, len(path.nodes))) for path in paths]

    def reasons(
        self, path: Sequence[Touch], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[Reason]:
        powers = _Powers(parameters)
        weights_of = [powers.exact(touch.age_seconds) for touch in path]
        total = sum(weights_of, Decimal(0))
        hours = f"{parameters.numbers['halfLifeHours']:f}"
        return [
            Reason(
                power.quantize(decimal(1), context=_EXACT),
                f"2^(−{_hours(touch.age_seconds)} h ÷ {hours} h) = {power:.6g} ÷ {total:.6g}, the sum over this path",
            )
            for touch, power in zip(path, weights_of, strict=True)
        ]


class _Total:
    """Per node, the sum of shares (in 10^-12) times amounts, exact."""

    _BITS = 22

    def __init__(self, node_count: int) -> None:
        self._parts = [Sums(node_count) for _ in range(3)]

    def add(self, nodes: NDArray[Any], units: Integers, amounts: Integers) -> None:
        """A share is less than 2^40, so that its product with 22 bits of an amount is an int64."""
        for place, part in enumerate(self._parts):
            digits = (amounts >> (self._BITS * place)) & ((1 << self._BITS) - 1)
            if digits.any():
                part.add(nodes, units * digits)

    def decimals(self) -> list[Decimal]:
        columns = [part.totals().tolist() for part in self._parts]
        return [
            decimal(sum(int(digits) << (self._BITS * place) for place, digits in enumerate(row)))
            for row in zip(*columns, strict=True)
        ]


class _Powers:
    """2^(−age ÷ half-life): as decimals, and as whole numbers of 2^-42. Remembers the powers it has computed."""

    def __init__(self, parameters: Parameters) -> None:
        self._half_life = parameters.numbers["halfLifeHours"] * 3600
        self._negligible = int(_NEGLIGIBLE * self._half_life)
        self._known: dict[int, float] = {}

    def exact(self, seconds: int) -> Decimal:
        """To 39 digits: ln 2 is known to 40, and exp rounds correctly."""
        return _EXACT.exp(_EXACT.divide(_EXACT.multiply(_LN_2, Decimal(-seconds)), self._half_life))

    def weights(self, ages: Integers) -> Integers:
        steps, rests = np.divmod(np.minimum(ages, self._negligible), np.int64(_STEP))
        products = self._table(steps, _STEP)[steps] * self._table(rests, 1)[rests]
        weights: Integers = np.rint(products * float(1 << _BITS)).astype(np.int64)
        weights[ages > self._negligible] = 0
        return weights

    def _table(self, multiples: Integers, unit: int) -> NDArray[np.float64]:
        """Of each multiple of the unit that occurs, its power; what does not occur is 0."""
        table = np.zeros(int(multiples.max()) + 1)
        for multiple in np.flatnonzero(np.bincount(multiples)).tolist():
            seconds = multiple * unit
            if seconds not in self._known:
                self._known[seconds] = float(self.exact(seconds))
            table[multiple] = self._known[seconds]
        return table


def _hours(seconds: int) -> str:
    return f"{(Decimal(seconds) / 3600).quantize(Decimal('0.0001')).normalize():f}"


def _shares(ages: Integers, offsets: Integers, powers: _Powers) -> Integers:
    """The share of each touch in 10^-12; they sum to 10^12 in every path, of which none is empty."""
    starts, lengths = offsets[:-1], np.diff(offsets)
    if int(lengths.max()) > LONGEST:
        raise invalid("PATH_TOO_LONG", f"TIME_DECAY takes paths of at most {LONGEST:,} touches.")
    since_last = ages - np.repeat(np.minimum.reduceat(ages, starts), lengths)
    weights = powers.weights(since_last)
    sums = np.add.reduceat(weights, starts)
    base = next(base for base in _BASES if int(sums.max()) * base <= _WIDEST)
    divisors = np.repeat(sums, lengths)
    shares, remainders, reached = np.zeros_like(weights), weights, 1
    while reached < UNIT:
        digits, remainders = np.divmod(remainders * np.int64(base), divisors)
        shares, reached = shares * base + digits, reached * base
    missing = UNIT - np.add.reduceat(shares, starts)
    path = np.repeat(np.arange(len(lengths)), lengths)
    by_remainder = np.lexsort((-remainders, path))
    rank = np.arange(len(path)) - np.repeat(starts, lengths)
    shares[by_remainder[rank < np.repeat(missing, lengths)]] += 1
    return shares


MODEL = TimeDecay()
