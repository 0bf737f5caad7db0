"""Why a touch earned what it did, in a line that a reader can compute again."""

from decimal import Decimal

import pytest

from resolvers.attribution.paths import Touch
from resolvers.attribution.registry import chosen, models

HOUR = 3600
PATH = [Touch(0, 168 * HOUR), Touch(1, 36 * HOUR + 1800), Touch(0, 0)]
WEIGHTS = {0: Decimal("0.558399489508"), 1: Decimal("0.264038535741")}


def explained(kind: str, path: list[Touch], **parameters: str) -> list[tuple[str, str, str]]:
    shares = chosen(kind, None, parameters).explain(path, WEIGHTS)
    return [(f"{share.weight:f}", f"{share.share:f}", share.arithmetic) for share in shares]


def test_first_touch() -> None:
    assert explained("FIRST_TOUCH", PATH) == [
        ("1.000000000000", "1.000000000000", "1 for the first touch"),
        ("0.000000000000", "0.000000000000", "0 for touch 2: the first takes all"),
        ("0.000000000000", "0.000000000000", "0 for touch 3: the first takes all"),
    ]


def test_last_touch() -> None:
    assert explained("LAST_TOUCH", PATH) == [
        ("0.000000000000", "0.000000000000", "0 for touch 1: the last takes all"),
        ("0.000000000000", "0.000000000000", "0 for touch 2: the last takes all"),
        ("1.000000000000", "1.000000000000", "1 for the last touch"),
    ]


def test_linear() -> None:
    assert explained("LINEAR", PATH) == [
        ("1.000000000000", "0.333333333334", "1 ÷ 3 touches"),
        ("1.000000000000", "0.333333333333", "1 ÷ 3 touches"),
        ("1.000000000000", "0.333333333333", "1 ÷ 3 touches"),
    ]
    assert explained("LINEAR", PATH[:1]) == [("1.000000000000", "1.000000000000", "1: the only touch")]


def test_time_decay() -> None:
    assert explained("TIME_DECAY", PATH) == [
        ("0.500000000000", "0.211846771647", "2^(−168 h ÷ 168 h) = 0.500000 ÷ 2.36020, the sum over this path"),
        ("0.860196457621", "0.364459685059", "2^(−36.5 h ÷ 168 h) = 0.860196 ÷ 2.36020, the sum over this path"),
        ("1.000000000000", "0.423693543294", "2^(−0 h ÷ 168 h) = 1 ÷ 2.36020, the sum over this path"),
    ]


def test_time_decay_of_an_ancient_path_shows_its_small_numbers() -> None:
    ancient = explained("TIME_DECAY", [Touch(0, 10_000 * HOUR), Touch(1, 9_900 * HOUR)], halfLifeHours="100")
    assert [share for _, share, _ in ancient] == ["0.333333333333", "0.666666666667"]
    assert ancient[0][2] == "2^(−10000 h ÷ 100 h) = 7.88861e-31 ÷ 2.36658e-30, the sum over this path"


def test_position_based() -> None:
    five = explained("POSITION_BASED", [Touch(0, age) for age in (5, 4, 3, 2, 1)])
    assert five[0] == ("0.400000000000", "0.400000000000", "0.4 for the first of 5 touches")
    assert five[2] == ("0.066666666667", "0.066666666667", "(1 − 0.4 − 0.4) ÷ 3 for touch 3 of 5 touches")
    assert five[4] == ("0.400000000000", "0.400000000000", "0.4 for the last of 5 touches")
    two = explained("POSITION_BASED", PATH[:2], firstShare="0.6", lastShare="0.2")
    assert two == [
        ("0.750000000000", "0.750000000000", "0.6 ÷ (0.6 + 0.2) for the first of 2 touches"),
        ("0.250000000000", "0.250000000000", "0.2 ÷ (0.6 + 0.2) for the last of 2 touches"),
    ]
    none = explained("POSITION_BASED", PATH[:2], firstShare="0", lastShare="0")
    assert [line for _, _, line in none] == ["1 ÷ 2 for the first of 2 touches", "1 ÷ 2 for the last of 2 touches"]
    assert explained("POSITION_BASED", PATH[:1]) == [("1.000000000000", "1.000000000000", "1: the only touch")]


def test_markov_divides_by_the_removal_effects_of_the_distinct_placements() -> None:
    line = "removal effect {} ÷ 0.822438, the sum over the placements of this path"
    repeated = line.format("0.558399") + ", ÷ 2 touches of this placement"
    assert explained("MARKOV", PATH) == [
        ("0.558399489508", "0.339478156630", repeated),
        ("0.264038535741", "0.321043686740", line.format("0.264039")),
        ("0.558399489508", "0.339478156630", repeated),
    ]


def test_markov_without_any_removal_effect_divides_evenly_among_placements() -> None:
    shares = chosen("MARKOV", None, {}).explain(PATH, None)
    assert [f"{share.share}" for share in shares] == ["0.250000000000", "0.500000000000", "0.250000000000"]
    assert shares[0].arithmetic == (
        "1 ÷ 2 placements, none of which has a removal effect, ÷ 2 touches of this placement"
    )
    assert shares[1].arithmetic == "1 ÷ 2 placements, none of which has a removal effect"


def test_shapley() -> None:
    assert explained("SHAPLEY", PATH) == [
        ("0.250000000000", "0.250000000000", "1 ÷ 2 placements on this path, ÷ 2 touches of this one"),
        ("0.500000000000", "0.500000000000", "1 ÷ 2 placements on this path"),
        ("0.250000000000", "0.250000000000", "1 ÷ 2 placements on this path, ÷ 2 touches of this one"),
    ]
    assert explained("SHAPLEY", PATH[:1])[0][2] == "1: the only placement"


@pytest.mark.parametrize("kind", list(models()))
def test_empty_path_has_nothing_to_explain(kind: str) -> None:
    assert chosen(kind, None, {}).explain([], None) == []
