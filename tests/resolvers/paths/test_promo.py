from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.ids import EventId, PlacementId
from persistence.repositories.conversion_paths import ConversionPath, PromoMatch
from resolvers.paths.promo import PromoFinding, found, proven_placement
from resolvers.paths.rules import PromoPolicy
from tests.resolvers.paths.scene import DAY, NOON

A, B, C = PlacementId(1), PlacementId(2), PlacementId(3)


def touched(*placements: PlacementId) -> ConversionPath:
    at = [NOON - timedelta(hours=len(placements) - place) for place in range(len(placements))]
    ids = [EventId(place + 1) for place in range(len(placements))]
    return ConversionPath(EventId(9), NOON, None, None, "TOUCHES" if placements else "NONE", list(placements), ids, at)


def match(placement: PlacementId, days: float = -1) -> PromoMatch:
    return PromoMatch(placement, NOON + days * DAY)


def evidence(finding: PromoFinding) -> dict[str, tuple[str, PlacementId | None]]:
    return {outcome.policy: (outcome.evidence, outcome.placement_id) for outcome in finding.outcomes}


def test_code_and_last_touch_contradict_each_other() -> None:
    finding = found(["SAVE"], [match(A)], touched(A, B))
    assert (finding.proven, finding.last_touched, finding.agrees) == (A, B, False)
    assert finding.summary == "Promo code SAVE belongs to plc_1, but the last touch is of plc_2."
    assert evidence(finding) == {
        "OVERRIDE": ("PROMO_CODE", A),
        "FALLBACK": ("TOUCHES", None),
        "IGNORE": ("TOUCHES", None),
    }


def test_code_and_last_touch_agree() -> None:
    finding = found(["SAVE"], [match(A), match(B)], touched(A, B))
    assert (finding.proven, finding.last_touched, finding.agrees) == (B, B, True)
    assert finding.summary == "Promo code SAVE belongs to plc_2, and so says the last touch."


def test_code_alone_decides_unless_it_is_ignored() -> None:
    finding = found(["SAVE"], [match(A)], touched())
    assert (finding.proven, finding.last_touched, finding.agrees) == (A, None, None)
    assert finding.summary == "Promo code SAVE belongs to plc_1; nothing was touched."
    assert evidence(finding) == {
        "OVERRIDE": ("PROMO_CODE", A),
        "FALLBACK": ("PROMO_CODE", A),
        "IGNORE": ("NONE", None),
    }


@pytest.mark.parametrize(("path", "says"), [([], "NONE"), ([A], "TOUCHES")])
def test_unknown_codes_decide_nothing(path: Sequence[PlacementId], says: str) -> None:
    finding = found(["SAVE", "MORE"], [], touched(*path))
    assert (finding.proven, finding.agrees, finding.matching_count) == (None, None, 0)
    assert finding.summary == "Promo codes SAVE, MORE belong to no placement of the advertiser."
    assert set(evidence(finding).values()) == {(says, None)}


@pytest.mark.parametrize(
    ("matches", "path", "proven"),
    [
        ([match(A), match(B)], [B, A, C], A),
        ([match(A, -3), match(B, 0), match(C, -1)], [], B),
        ([match(A, -3), match(B, 0.01)], [], A),
        ([match(A, 2), match(B, 1), match(C, 3)], [], B),
        ([match(A, -1), match(B, -1)], [], B),
        ([match(B, 1), match(A, 1)], [], A),
        ([], [A], None),
    ],
    ids=[
        "touched last",
        "made last, the moment included",
        "made before",
        "all made after: the first",
        "made at once before: the larger id",
        "made at once after: the smaller id",
        "none",
    ],
)
def test_one_of_the_matching_placements_is_proven(
    matches: Sequence[PromoMatch], path: Sequence[PlacementId], proven: PlacementId | None
) -> None:
    assert proven_placement(matches, path, NOON) == proven


placements = st.integers(1, 6).map(PlacementId)
matches = st.lists(st.builds(match, placements, st.integers(-3, 3)), unique_by=lambda one: one.placement_id)


@given(matches, st.lists(placements, max_size=8))
def test_proven_placement_is_a_match_whatever_their_order(some: list[PromoMatch], path: list[PlacementId]) -> None:
    proven = proven_placement(some, path, NOON)
    assert (proven is None) == (not some)
    assert proven is None or proven in {one.placement_id for one in some}
    assert proven_placement(some[::-1], path, NOON) == proven
    on_path = [one for one in path if one in {match.placement_id for match in some}]
    if on_path:
        assert proven == on_path[-1]


@given(matches, st.lists(placements, max_size=8))
def test_policies_are_consistent(some: list[PromoMatch], path: list[PlacementId]) -> None:
    finding = found(["SAVE"], some, touched(*path))
    outcomes = {outcome.policy: outcome for outcome in finding.outcomes}
    assert set(outcomes) == set(PromoPolicy)
    assert outcomes[PromoPolicy.IGNORE].placement_id is None
    assert outcomes[PromoPolicy.OVERRIDE].placement_id == finding.proven
    assert outcomes[PromoPolicy.FALLBACK].placement_id == (None if path else finding.proven)
    assert (finding.agrees is None) == (finding.proven is None or not path)
