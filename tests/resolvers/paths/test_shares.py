import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.ids import EventId, PlacementId
from persistence.repositories.conversion_paths import ConversionPath
from resolvers.attribution.registry import chosen, models
from resolvers.errors import InvalidInput
from resolvers.paths.shares import (
    PlacementShare,
    age_seconds,
    by_placement,
    share_of_value,
    shares_asked,
    shares_of_placements,
    touch_shares,
)
from tests.resolvers.paths.scene import HOUR, MICROSECOND, NOON

A, B = PlacementId(5), PlacementId(3)


def path(*placements: int, value: int | None = None, evidence: str = "TOUCHES") -> ConversionPath:
    count = len(placements)
    return ConversionPath(
        EventId(1),
        NOON,
        value,
        None if value is None else "EUR",
        evidence,
        [PlacementId(one) for one in placements],
        [EventId(place) for place in range(count)],
        [NOON - (count - place) * HOUR for place in range(count)],
    )


def test_age_is_in_whole_seconds_rounded_down() -> None:
    assert age_seconds(NOON - HOUR - MICROSECOND, NOON) == 3_600
    assert age_seconds(NOON - HOUR + MICROSECOND, NOON) == 3_599
    assert age_seconds(NOON + MICROSECOND, NOON) == -1


async def test_touches_of_a_placement_are_added_up() -> None:
    known = path(A, B, A, value=100)
    assert await shares_of_placements([known], chosen("LINEAR", None, {}), None) == [
        [
            PlacementShare(A, 666666666667, "0.666666666667", known),
            PlacementShare(B, 333333333333, "0.333333333333", known),
        ]
    ]


async def test_so_many_placements_are_told_as_are_asked_for_the_first_touched_first() -> None:
    known = [path(B, A, B, A), path(A), path(PlacementId(7), A, B)]
    found = await shares_of_placements(known, chosen("LINEAR", None, {}), None, 2)
    assert [[(one.placement_id, one.share) for one in shares] for shares in found] == [
        [(B, "0.5"), (A, "0.5")],
        [(A, "1")],
        [(7, "0.333333333334"), (A, "0.333333333333")],
    ]
    assert await shares_of_placements(known, chosen("LINEAR", None, {}), None, 0) == [[], [], []]


def test_a_hundred_shares_are_told_unless_another_number_is_given() -> None:
    assert (shares_asked(None), shares_asked(0), shares_asked(500)) == (100, 0, 500)
    for wrong in (-1, 501):
        with pytest.raises(InvalidInput, match="'first' must be from 0 to 500"):
            shares_asked(wrong)


async def test_value_is_divided_exactly_and_missing_where_there_is_none() -> None:
    known = [path(A, B, A, value=2**53 - 1), path(A)]
    [[of_a, of_b], [whole]] = await shares_of_placements(known, chosen("LINEAR", None, {}), None)
    assert (of_a.value, of_a.currency) == (Decimal("6004799503163663.066418246997"), "EUR")
    assert of_b.value == Decimal("3002399751577327.933581753003")
    assert (whole.value, whole.currency) == (None, None)


async def test_promo_code_earns_all_by_every_model() -> None:
    proven = path(A, value=7, evidence="PROMO_CODE")
    for kind in models():
        model = chosen(kind, None, {})
        [share] = touch_shares(proven, model, None)
        assert (share.share, share.arithmetic) == (Decimal(1), "1: a promo code of the order proves the placement")
        assert await shares_of_placements([proven], model, None) == [[PlacementShare(A, 10**12, "1", proven)]]


@pytest.mark.parametrize("kind", list(models()))
async def test_empty_path_has_no_shares(kind: str) -> None:
    model, empty = chosen(kind, None, {}), path(evidence="NONE")
    assert touch_shares(empty, model, None) == []
    assert [len(shares) for shares in await shares_of_placements([empty, path(A), empty], model, None)] == [0, 1, 0]


async def test_others_go_on_while_many_touches_are_divided() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(other())
    await shares_of_placements([path(*[A] * 400) for _ in range(10)], chosen("LINEAR", None, {}), None)
    others.cancel()
    assert turns >= 5  # two of these paths at once


def test_weights_are_of_placements() -> None:
    known = path(A, B)
    weights = {A: Decimal("0.3"), B: Decimal("0.1"), PlacementId(99): Decimal(1)}
    shares = touch_shares(known, chosen("MARKOV", None, {}), weights)
    assert [share.share for share in shares] == [Decimal("0.75"), Decimal("0.25")]


@given(
    st.sampled_from(sorted(models())),
    st.lists(st.integers(1, 4), min_size=1, max_size=12),
    st.one_of(st.none(), st.integers(0, 2**53 - 1)),
)
async def test_shares_and_values_sum_exactly(kind: str, placements: list[int], value: int | None) -> None:
    known, model = path(*placements, value=value), chosen(kind, None, {})
    weights = {PlacementId(one): Decimal("0.1") * one for one in placements}
    shares = touch_shares(known, model, weights)
    assert sum(share.share for share in shares) == 1
    [earned] = await shares_of_placements([known], model, weights)
    assert sum(one.units for one in earned) == 10**12
    told = by_placement(known.placement_ids, [share.share for share in shares])
    assert [(one.placement_id, Decimal(one.share)) for one in earned] == list(told.items())
    for values in (
        [share_of_value(share.share, known) for share in shares],
        [one.value for one in earned],
    ):
        exact = [one for one in values if one is not None]
        assert len(exact) == (0 if value is None else len(values))
        assert sum(exact) == (value or 0)
