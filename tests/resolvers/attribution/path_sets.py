"""Sets of paths for tests: by hand, and made up."""

from collections.abc import Sequence
from random import Random

import msgspec
import numpy as np
from hypothesis import strategies as st

from resolvers.attribution.paths import PathCounts


class Journey(msgspec.Struct, frozen=True):
    """One path, and what came of it."""

    touches: tuple[int, ...]
    conversions: int = 1
    nulls: int = 0
    value: int = 0
    ages: tuple[int, ...] = ()


def counted(journeys: Sequence[Journey], node_count: int, currency: str = "EUR") -> PathCounts:
    touches = [node for journey in journeys for node in journey.touches]
    ages = [age for journey in journeys for age in journey.ages]
    return PathCounts(
        node_count=node_count,
        nodes=np.array(touches, np.int32),
        offsets=np.cumsum([0, *(len(journey.touches) for journey in journeys)], dtype=np.int64),
        conversions=np.array([journey.conversions for journey in journeys], np.int64),
        nulls=np.array([journey.nulls for journey in journeys], np.int64),
        values={currency: np.array([journey.value for journey in journeys], np.int64)},
        ages=np.array(ages, np.int64) if len(ages) == len(touches) else None,
    )


def journeys(
    nodes: int = 6, longest: int = 8, largest: int = 50, most: int = 12, shortest: int = 0
) -> st.SearchStrategy[list[Journey]]:
    """Lists of journeys over so many nodes, with times, some of them empty, some without a conversion."""

    def journey(touches: list[tuple[int, int]], conversions: int, nulls: int, value: int) -> Journey:
        ages = sorted((age for _, age in touches), reverse=True)
        value = value if conversions else 0
        return Journey(tuple(node for node, _ in touches), conversions, nulls, value, tuple(ages))

    touch = st.tuples(st.integers(0, nodes - 1), st.integers(0, 90 * 86_400))
    amounts = st.integers(0, largest)
    one = st.builds(
        journey, st.lists(touch, min_size=shortest, max_size=longest), amounts, amounts, st.integers(0, 10**6)
    )
    return st.lists(one, min_size=1, max_size=most)


def made_up(seed: int, count: int, nodes: int) -> list[Journey]:
    """The same journeys for the same seed, for ever."""
    source = Random(seed)  # noqa: S311  # test data
    made = []
    for _ in range(count):
        length = source.randrange(1, 8)
        conversions = source.randrange(4)
        ages = sorted((source.randrange(60 * 86_400) for _ in range(length)), reverse=True)
        touches = tuple(source.randrange(nodes) for _ in range(length))
        value = conversions * source.randrange(10_000)
        made.append(Journey(touches, conversions, source.randrange(6), value, tuple(ages)))
    return made
