from collections.abc import AsyncIterator, Sequence

import pytest

from persistence.repositories.paths import CountedPath
from resolvers.attribution.registry import chosen
from resolvers.errors import InvalidInput
from resolvers.paths.counts import path_counts


async def blocks(*parts: Sequence[CountedPath]) -> AsyncIterator[Sequence[CountedPath]]:
    for part in parts:
        yield part


async def test_counted_paths_become_arrays() -> None:
    counts, placements = await path_counts(
        blocks(
            [CountedPath([], None, None, 3, 0, 0), CountedPath([70, 7, 70], None, "USD", 2, 900, 0)],
            [CountedPath([7], None, "EUR", 1, 5, 0), CountedPath([900], None, None, 0, 0, 4)],
        )
    )
    assert placements == [7, 70, 900]
    assert counts.node_count == 3
    assert counts.nodes.tolist() == [1, 0, 1, 0, 2]
    assert counts.offsets.tolist() == [0, 0, 3, 4, 5]
    assert counts.conversions.tolist() == [3, 2, 1, 0]
    assert counts.nulls.tolist() == [0, 0, 0, 4]
    assert {currency: column.tolist() for currency, column in counts.values.items()} == {
        "EUR": [0, 0, 5, 0],
        "USD": [0, 900, 0, 0],
    }
    assert counts.ages is None


async def test_ages_are_beside_their_touches() -> None:
    counts, _ = await path_counts(
        blocks([CountedPath([1, 2], [60, 5], None, 1, 0, 0)], [CountedPath([2], [0], None, 0, 0, 1)])
    )
    assert counts.ages is not None
    assert counts.ages.tolist() == [60, 5, 0]


async def test_nothing_counted_can_be_credited() -> None:
    counts, placements = await path_counts(blocks())
    assert placements == []
    assert chosen("TIME_DECAY", None, {}).credits(counts).conversions == []


async def test_values_beyond_63_bits_are_refused() -> None:
    half = CountedPath([1], None, "EUR", 1, 2**62, 0)
    counts, _ = await path_counts(blocks([half, half._replace(value_minor=2**62 - 1)]))
    assert sum(counts.values["EUR"].tolist()) == 2**63 - 1
    with pytest.raises(InvalidInput) as raised:
        await path_counts(blocks([half], [half]))
    assert raised.value.problems[0].code == "VALUES_TOO_LARGE"
