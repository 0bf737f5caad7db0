"""Markov's removal effects: by hand, against an oracle of fractions, and what must not change them."""

from collections.abc import Collection
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from resolvers.attribution.models.markov import LARGEST, RemovalEffect, removal_effect
from resolvers.attribution.paths import Credits, PathCounts
from resolvers.attribution.registry import chosen
from resolvers.errors import InvalidInput
from tests.resolvers.attribution.path_sets import Journey, counted, journeys, made_up

# Start to 0 in 2 of 3 journeys, to 1 in the third; 0 to 1 or null; 1 to 2; 2 to conversion or null.
SMALL = [Journey((0, 1, 2), 1, 0, 250), Journey((0,), 0, 1), Journey((1, 2), 0, 1)]


def markov(paths: PathCounts, nulls: bool = True) -> Credits:
    return chosen("MARKOV", None, {"withNullPaths": "true" if nulls else "false"}).credits(paths)


def reached(made: list[Journey], nulls: bool, removed: Collection[int], per_conversion: bool) -> Fraction:
    """Expected conversions, or value, of one journey; removed nodes lead nowhere. Gauss on fractions."""
    chain: dict[object, dict[object, Fraction]] = {}
    worth: dict[object, Fraction] = {}
    for journey in made:
        count = journey.conversions + (journey.nulls if nulls else 0)
        if not journey.touches:
            continue
        for state, following in zip(("start", *journey.touches), (*journey.touches, "end"), strict=True):
            row = chain.setdefault(state, {})
            row[following] = row.get(following, Fraction(0)) + count
        last = journey.touches[-1]
        worth[last] = worth.get(last, Fraction(0)) + (journey.conversions if per_conversion else journey.value)
    states = [state for state, row in chain.items() if sum(row.values()) and state not in removed]
    if "start" not in states:
        return Fraction(0)
    # (1 - Q) x = r
    equations = []
    for state in states:
        whole = sum(chain[state].values())
        line = [(state == other) - chain[state].get(other, Fraction(0)) / whole for other in states]
        equations.append([*line, worth.get(state, Fraction(0)) / whole])
    for pivot in range(len(states)):
        swap = next(place for place in range(pivot, len(states)) if equations[place][pivot])
        equations[pivot], equations[swap] = equations[swap], equations[pivot]
        equations[pivot] = [number / equations[pivot][pivot] for number in equations[pivot]]
        for place in range(len(states)):
            factor = equations[place][pivot]
            if place != pivot and factor:
                equations[place] = [
                    number - factor * above for number, above in zip(equations[place], equations[pivot], strict=True)
                ]
    return equations[states.index("start")][-1]


def oracle(made: list[Journey], nulls: bool, removed: Collection[int], per_conversion: bool = True) -> Fraction:
    whole = reached(made, nulls, (), per_conversion)
    return 1 - reached(made, nulls, removed, per_conversion) / whole if whole else Fraction(0)


def test_small_example_is_that_computed_by_hand() -> None:
    credits = markov(counted(SMALL, 4))
    assert credits.weights == [Decimal("0.5"), Decimal(1), Decimal(1), Decimal(0)]
    assert credits.conversions == [Decimal("0.2"), Decimal("0.4"), Decimal("0.4"), Decimal(0)]
    assert credits.values == {"EUR": [Decimal(50), Decimal(100), Decimal(100), Decimal(0)]}


def test_without_null_paths_only_journeys_that_converted_count() -> None:
    credits = markov(counted(SMALL, 4), nulls=False)
    assert credits.weights == [Decimal(1), Decimal(1), Decimal(1), Decimal(0)]
    assert [f"{amount}" for amount in credits.conversions[:2]] == ["0.333333333334", "0.333333333333"]


def test_value_has_removal_effects_of_its_own() -> None:
    """Node 0 opens half of the conversions, which are worth 3 of 4 units: 1/2 and 1 of 3/2, but 3/4 and 1 of 7/4."""
    credits = markov(counted([Journey((0, 1), 1, 0, 2), Journey((1,), 1, 0, 2), Journey((0,), 2, 0, 12)], 2))
    assert credits.weights == [Decimal("0.75"), Decimal("0.5")]
    assert credits.conversions == [Decimal("2.4"), Decimal("1.6")]
    # visits 3/4 and 1/2; value from 0: 4 + 1/3 · 2 = 14/3; from 1: 2; from the start 4
    exact = [Fraction(3, 4) * Fraction(14, 3) / 4, Fraction(1, 2) * 2 / 4]
    expected = [Fraction(16) * effect / sum(exact) for effect in exact]
    assert [float(value) for value in credits.values["EUR"]] == pytest.approx([float(value) for value in expected])


@settings(max_examples=50, deadline=None)  # the oracle takes its time
@given(journeys(nodes=5))
@pytest.mark.parametrize("nulls", [True, False])
def test_removal_effects_equal_those_of_the_oracle(nulls: bool, made: list[Journey]) -> None:
    credits = markov(counted(made, 5), nulls)
    assert credits.weights is not None
    expected = [oracle(made, nulls, {node}) for node in range(5)]
    assert [float(effect) for effect in credits.weights] == pytest.approx([float(each) for each in expected], abs=1e-12)
    worth = [oracle(made, nulls, {node}, per_conversion=False) for node in range(5)]
    total = sum(journey.value for journey in made if journey.touches)
    shares = [float(total * each / sum(worth)) if total else 0.0 for each in worth]
    assert [float(value) for value in credits.values["EUR"]] == pytest.approx(shares, abs=1e-6, rel=1e-9)


@settings(max_examples=50, deadline=None)  # the oracle takes its time
@given(journeys(nodes=5))
@pytest.mark.parametrize("removed", [(), (1,), (0, 3), (0, 1, 2, 3, 4)])
def test_joint_removal_equals_that_of_the_oracle(removed: tuple[int, ...], made: list[Journey]) -> None:
    found = removal_effect(counted(made, 5), removed)
    expected = oracle(made, True, removed)
    conversions = sum(journey.conversions for journey in made if journey.touches)
    assert float(found.effect) == pytest.approx(float(expected), abs=1e-12)
    assert float(found.conversions_lost) == pytest.approx(float(expected * conversions), abs=1e-9)


@given(journeys(nodes=5))
def test_joint_removal_of_one_is_its_removal_effect(made: list[Journey]) -> None:
    paths = counted(made, 5)
    weights = markov(paths).weights or []
    for node, weight in enumerate(weights):
        assert abs(removal_effect(paths, [node]).effect - weight) <= Decimal("0.000000000001")


@given(journeys(nodes=4, longest=12))
def test_collapsed_repeats_change_nothing_to_the_last_digit(made: list[Journey]) -> None:
    collapsed = [
        replace(
            journey,
            touches=tuple(
                node for place, node in enumerate(journey.touches) if place == 0 or journey.touches[place - 1] != node
            ),
            ages=(),
        )
        for journey in made
    ]
    assert markov(counted(made, 4)) == markov(counted(collapsed, 4))


def test_journeys_without_any_conversion_earn_nothing() -> None:
    credits = markov(counted([Journey((0, 1), 0, 5), Journey((), 3, 0, 9)], 2))
    assert credits == Credits([Decimal(0)] * 2, {"EUR": [Decimal(0)] * 2}, [Decimal(0)] * 2)
    assert removal_effect(counted([Journey((0, 1), 0, 5)], 2), [0]) == RemovalEffect(Decimal(0), Decimal(0))


def test_node_that_never_leads_to_a_conversion_earns_nothing() -> None:
    credits = markov(counted([Journey((0,), 2, 1), Journey((1, 2, 1), 0, 4)], 3))
    assert credits.conversions == [Decimal(2), Decimal(0), Decimal(0)]


def test_loops_that_seldom_end_keep_their_digits() -> None:
    """0 and 1 alternate a million times before a conversion, the one 2 in a journey comes at once: half of a half."""
    again = 1_000_000
    made = [Journey((0, 1) * again, 1, 0), Journey((2,), 1, 0)]
    assert markov(counted(made, 3)).weights == [Decimal("0.5")] * 3


def test_huge_counts_are_exact_before_they_are_divided() -> None:
    many = 2**52 + 1
    small = markov(counted([Journey((0, 1), 1, 1), Journey((1,), 1, 2)], 2))
    large = markov(counted([Journey((0, 1), many, many), Journey((1,), many, 2 * many)], 2))
    assert small.weights == large.weights
    assert sum(large.conversions) == 2 * many


def test_nodes_beyond_a_block_of_rows_are_solved_as_by_inversion() -> None:
    made = made_up(3, 2000, 150)
    counts, leaving = np.zeros((151, 151)), np.zeros(151)
    for journey in made:
        count = journey.conversions + journey.nulls
        for state, following in pairwise((150, *journey.touches)):
            counts[state, following] += count
        leaving[journey.touches[-1]] += count
    converting = np.zeros(151)
    for journey in made:
        converting[journey.touches[-1]] += journey.conversions
    outgoing = counts.sum(axis=1) + leaving
    visits = np.linalg.inv(np.eye(151) - counts / outgoing[:, np.newaxis])
    reach = visits @ (converting / outgoing)
    expected = visits[150, :150] / np.diagonal(visits)[:150] * reach[:150] / reach[150]
    weights = markov(counted(made, 150)).weights or []
    assert [float(weight) for weight in weights] == pytest.approx(expected.tolist(), abs=1e-11)


def test_more_nodes_than_can_be_solved_in_time_are_refused() -> None:
    paths = counted([Journey((LARGEST,))], LARGEST + 1)
    for refused in (lambda: markov(paths), lambda: removal_effect(paths, [0])):
        with pytest.raises(InvalidInput, match="MARKOV takes at most 2,000 placements, and these paths have 2,001"):
            refused()


def test_removal_of_what_is_no_node_is_a_defect() -> None:
    with pytest.raises(ValueError, match="none of the paths'"):
        removal_effect(counted(SMALL, 3), [3])


def test_two_currencies_are_never_mixed() -> None:
    paths = counted(SMALL, 3)
    both = replace(paths, values={"EUR": paths.values["EUR"], "CHF": np.array([7, 0, 0])})
    credits = markov(both)
    assert credits.values["EUR"] == markov(paths).values["EUR"]
    assert credits.values["CHF"] == [Decimal("1.4"), Decimal("2.8"), Decimal("2.8")]
