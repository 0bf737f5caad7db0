"""What holds for every model, on any set of paths."""

import hashlib
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from resolvers.attribution.exact import decimal
from resolvers.attribution.paths import Credits, PathCounts, SinglePath, Touch
from resolvers.attribution.registry import chosen, models
from tests.resolvers.attribution.path_sets import Journey, counted, journeys, made_up

pytestmark = pytest.mark.no_cover

EVERY = list(models())
ADDITIVE = [kind for kind, model in models().items() if model.additive]
NODES = 5
PLACE = Decimal("0.000000000001")


def credited(kind: str, paths: PathCounts) -> Credits:
    return chosen(kind, None, {}).credits(paths)


def text(credits: Credits) -> str:
    columns = [credits.conversions, *(credits.values[name] for name in sorted(credits.values)), credits.weights or []]
    return "\n".join(" ".join(f"{amount:f}" for amount in column) for column in columns)


@pytest.mark.parametrize("kind", EVERY)
@settings(max_examples=25, deadline=None)
@given(made=journeys(NODES))
def test_credits_sum_exactly_to_conversions_and_value(kind: str, made: list[Journey]) -> None:
    credits = credited(kind, counted(made, NODES))
    kept = [journey for journey in made if journey.touches]
    assert sum(credits.conversions) == sum(journey.conversions for journey in kept)
    assert sum(credits.values["EUR"]) == sum(journey.value for journey in kept)
    for amount in (*credits.conversions, *credits.values["EUR"]):
        assert amount >= 0
        assert amount.as_tuple().exponent == -12


@pytest.mark.parametrize("kind", EVERY)
@settings(max_examples=25, deadline=None)
@given(made=journeys(NODES))
def test_the_same_paths_have_the_same_credits_in_any_order(kind: str, made: list[Journey]) -> None:
    assert credited(kind, counted(made, NODES)) == credited(kind, counted(made[::-1], NODES))


@pytest.mark.parametrize("kind", EVERY)
@settings(max_examples=25, deadline=None)
@given(made=journeys(NODES))
def test_identical_paths_may_be_counted_together_or_apart(kind: str, made: list[Journey]) -> None:
    doubled = [
        replace(journey, conversions=2 * journey.conversions, nulls=2 * journey.nulls, value=2 * journey.value)
        for journey in made
    ]
    assert credited(kind, counted(doubled, NODES)) == credited(kind, counted([*made, *made], NODES))


@pytest.mark.parametrize("kind", EVERY)
@settings(max_examples=25, deadline=None)
@given(made=journeys(NODES))
def test_double_counts_double_the_credits(kind: str, made: list[Journey]) -> None:
    single, double = credited(kind, counted(made, NODES)), credited(kind, counted([*made, *made], NODES))
    assert double.weights == single.weights
    for once, twice in zip(single.conversions, double.conversions, strict=True):
        assert abs(twice - 2 * once) <= 2 * PLACE


@pytest.mark.parametrize("kind", EVERY)
@settings(max_examples=25, deadline=None)
@given(made=journeys(NODES), names=st.permutations(range(NODES)))
def test_other_numbers_for_the_nodes_permute_the_credits(kind: str, made: list[Journey], names: list[int]) -> None:
    renamed = [replace(journey, touches=tuple(names[node] for node in journey.touches)) for journey in made]
    before, after = credited(kind, counted(made, NODES)), credited(kind, counted(renamed, NODES))
    total = sum(before.conversions)
    for node, amount in enumerate(before.conversions):
        assert abs(after.conversions[names[node]] - amount) <= PLACE * (1 + total)


@pytest.mark.parametrize("kind", ADDITIVE)
@settings(max_examples=25, deadline=None)
@given(made=journeys(NODES, shortest=1))
def test_totals_are_the_sums_of_what_single_conversions_explain(kind: str, made: list[Journey]) -> None:
    expected = [Decimal(0)] * NODES
    for journey in made:
        touches = [Touch(node, age) for node, age in zip(journey.touches, journey.ages, strict=True)]
        for touch, share in zip(touches, chosen(kind, None, {}).explain(touches), strict=True):
            expected[touch.node] += share.share * journey.conversions
    for amount, explained in zip(credited(kind, counted(made, NODES)).conversions, expected, strict=True):
        assert abs(amount - explained) <= PLACE * (1 + sum(len(each.touches) * each.conversions for each in made))


@pytest.mark.parametrize("kind", EVERY)
@given(
    path=st.lists(st.builds(Touch, st.integers(0, 4), st.integers(0, 10**9)), min_size=1, max_size=12),
    weights=st.dictionaries(st.integers(0, 4), st.decimals(0, 1, places=12)),
)
def test_shares_of_a_path_sum_to_exactly_one(kind: str, path: list[Touch], weights: dict[int, Decimal]) -> None:
    shares = chosen(kind, None, {}).explain(path, weights)
    assert sum(share.share for share in shares) == 1
    assert len(shares) == len(path)
    for share in shares:
        assert share.share >= 0
        assert (share.share.as_tuple().exponent, share.weight.as_tuple().exponent) == (-12, -12)
        assert share.arithmetic


@pytest.mark.parametrize("kind", EVERY)
@given(
    paths=st.lists(st.lists(st.builds(Touch, st.integers(0, 4), st.integers(0, 10**9)), max_size=12), max_size=6),
    weights=st.dictionaries(st.integers(0, 4), st.decimals(0, 1, places=12)),
)
def test_many_paths_are_divided_as_each_is_explained(
    kind: str, paths: list[list[Touch]], weights: dict[int, Decimal]
) -> None:
    model = chosen(kind, None, {})
    single = [SinglePath([touch.node for touch in path], [touch.age_seconds for touch in path]) for path in paths]
    assert [[decimal(units) for units in path] for path in model.divided(single, weights)] == [
        [share.share for share in model.explain(path, weights)] for path in paths
    ]


@pytest.mark.parametrize("kind", [kind for kind, model in models().items() if not model.needs_ages])
def test_ages_need_not_be_given_to_a_model_without(kind: str) -> None:
    model, nodes, weights = chosen(kind, None, {}), [7, 3, 7, 9], {7: Decimal("0.3"), 9: Decimal("0.2")}
    assert model.divided([SinglePath(nodes)], weights) == model.divided([SinglePath(nodes, [9, 8, 7, 6])], weights)


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("made", [[], [Journey((), 3, 1, 5)]])
@pytest.mark.parametrize("nodes", [0, 2])
def test_without_touches_nobody_earns_anything(kind: str, made: list[Journey], nodes: int) -> None:
    credits = credited(kind, counted(made, nodes))
    assert (credits.conversions, credits.values) == ([Decimal(0)] * nodes, {"EUR": [Decimal(0)] * nodes})


@pytest.mark.parametrize("kind", EVERY)
def test_paths_that_are_worked_on_in_pieces_give_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = counted(made_up(1, 200, NODES), NODES)
    whole = credited(kind, paths)
    in_pieces = PathCounts.blocks
    monkeypatch.setattr(PathCounts, "blocks", lambda self: in_pieces(self, touches=13))
    assert text(credited(kind, paths)) == text(whole)


@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        ("FIRST_TOUCH", "8e64844036f8d8dc"),
        ("LAST_TOUCH", "a0cdbf51b34bb1a3"),
        ("LINEAR", "902182b22cb32bb7"),
        ("TIME_DECAY", "015b2837a91129bf"),
        ("POSITION_BASED", "37868f03bef11a29"),
        ("MARKOV", "14e54799e0033329"),
        ("SHAPLEY", "8c1db10f4c551443"),
    ],
)
def test_bytes_of_a_version_never_change(kind: str, digest: str) -> None:
    """Who changes them on purpose raises the model's version: what was computed before could not be computed again."""
    model = models()[kind]
    credits = credited(kind, counted(made_up(7, 3000, 40), 40))
    assert (model.version, hashlib.sha256(text(credits).encode()).hexdigest()[:16]) == (1, digest)


def shapley_by_brute_force(made: list[Journey], nodes: int) -> list[Fraction]:
    """Every node's mean marginal contribution over all coalitions; a coalition is worth what it converts alone."""
    sets = [(frozenset(journey.touches), journey.conversions) for journey in made if journey.touches]

    def worth(coalition: frozenset[int]) -> int:
        return sum(conversions for reached, conversions in sets if reached <= coalition)

    values = []
    for node in range(nodes):
        others = [other for other in range(nodes) if other != node]
        value = Fraction(0)
        for size in range(nodes):
            for chosen_others in combinations(others, size):
                without = frozenset(chosen_others)
                value += Fraction(worth(without | {node}) - worth(without), nodes * comb(nodes - 1, size))
        values.append(value)
    return values


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8).flatmap(lambda nodes: st.tuples(st.just(nodes), journeys(nodes, longest=10, most=10))))
def test_shapley_equals_brute_force(case: tuple[int, list[Journey]]) -> None:
    nodes, made = case
    credits = credited("SHAPLEY", counted(made, nodes))
    for amount, exact in zip(credits.conversions, shapley_by_brute_force(made, nodes), strict=True):
        assert abs(Fraction(amount) - exact) < Fraction(1, 10**12)
