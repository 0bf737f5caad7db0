from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from persistence.ids import EventId, PlacementId
from persistence.repositories.conversion_paths import ConversionPath
from resolvers.attribution.registry import chosen, models
from resolvers.paths.shares import PlacementShare, age_seconds, placement_shares, share_of_value, touch_shares
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


def test_touches_of_a_placement_are_added_up() -> None:
    known = path(A, B, A, value=100)
    assert placement_shares(known, touch_shares(known, chosen("LINEAR", None, {}), None)) == [
        PlacementShare(A, Decimal("0.666666666667"), Decimal("66.6666666667"), "EUR"),
        PlacementShare(B, Decimal("0.333333333333"), Decimal("33.3333333333"), "EUR"),
    ]


def test_promo_code_earns_all_by_every_model() -> None:
    proven = path(A, value=7, evidence="PROMO_CODE")
    for kind in models():
        [share] = touch_shares(proven, chosen(kind, None, {}), None)
        assert (share.share, share.arithmetic) == (Decimal(1), "1: a promo code of the order proves the placement")


def test_empty_path_has_no_shares() -> None:
    assert touch_shares(path(evidence="NONE"), chosen("LINEAR", None, {}), None) == []


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
def test_shares_and_values_sum_exactly(kind: str, placements: list[int], value: int | None) -> None:
    known = path(*placements, value=value)
    shares = touch_shares(known, chosen(kind, None, {}), {PlacementId(one): Decimal("0.1") * one for one in placements})
    assert sum(share.share for share in shares) == 1
    by_placement = placement_shares(known, shares)
    assert sum(earned.share for earned in by_placement) == 1
    assert {earned.placement_id for earned in by_placement} == set(placements)
    for values in (
        [share_of_value(share.share, known) for share in shares],
        [earned.value for earned in by_placement],
    ):
        exact = [one for one in values if one is not None]
        assert len(exact) == (0 if value is None else len(values))
        assert sum(exact) == (value or 0)
