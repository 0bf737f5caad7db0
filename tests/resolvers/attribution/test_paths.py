"""Counted paths: what contradicts itself is refused, and pieces are the whole."""

import numpy as np
import pytest
from msgspec.structs import replace

from resolvers.attribution.paths import PathCounts
from tests.resolvers.attribution.path_sets import Journey, counted

WHOLE = counted([Journey((0, 1), 2, 1, 5, (9, 3)), Journey((), 3, 0, 7), Journey((1,), 1, 0, 4, (2,))], 2)


def contents(paths: PathCounts) -> list[tuple[list[int], int, int, int]]:
    return [
        (paths.nodes[start:end].tolist(), *row)
        for start, end, *row in zip(
            paths.offsets,
            paths.offsets[1:],
            paths.conversions.tolist(),
            paths.nulls.tolist(),
            paths.values["EUR"].tolist(),
            strict=False,
        )
    ]


def test_blocks_are_the_paths_without_the_empty_ones_and_cut_none() -> None:
    for touches in (1, 2, 3, 100):
        blocks = list(WHOLE.blocks(touches))
        assert [path for block in blocks for path in contents(block)] == [([0, 1], 2, 1, 5), ([1], 1, 0, 4)]
        assert [age for block in blocks if block.ages is not None for age in block.ages] == [9, 3, 2]
        assert len(blocks) == (1 if touches > 2 else 2)


def test_no_paths_have_no_blocks() -> None:
    assert list(counted([], 2).blocks()) == []
    assert list(counted([Journey(())], 0).blocks()) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"nodes": np.array([0, 2, 1], np.int32)}, "a touch names no node"),
        ({"nodes": np.array([0, -1, 1], np.int32)}, "a touch names no node"),
        ({"nodes": np.array([0], np.int32)}, "offsets do not delimit the paths"),
        ({"offsets": np.array([0, 3, 2, 3])}, "every path has a length, counts and values of 0 or more"),
        ({"conversions": np.array([1, -1, 0])}, "every path has a length, counts and values of 0 or more"),
        ({"nulls": np.array([1])}, "every path has a length, counts and values of 0 or more"),
        ({"conversions": np.array([0, 3, 1])}, "a value without a conversion"),
        ({"ages": np.array([1, -1, 0])}, "every touch has an age of 0 or more"),
        ({"ages": np.array([1])}, "every touch has an age of 0 or more"),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(WHOLE, **changes)
