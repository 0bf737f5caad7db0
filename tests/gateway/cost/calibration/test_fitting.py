import numpy as np
import pytest

from gateway.cost.calibration.fitting import fitted

RATE = 3e-5
BESIDE = 0.002


def drawn(weights: list[float], queries: int = 300, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Counts of every order of magnitude, and the times that queries of these weights take."""
    source = np.random.default_rng(7)
    counts = np.where(
        source.random((queries, len(weights))) < 0.5, np.exp(source.normal(3, 2, (queries, len(weights)))).round(), 0.0
    )
    seconds = (BESIDE + RATE * counts @ np.array(weights)) * np.exp(source.normal(0, noise, queries))
    return counts, seconds


def test_weights_that_made_the_times_are_found_again() -> None:
    counts, seconds = drawn([1.0, 40.0, 0.0, 3.0])
    points, beside = fitted(counts, seconds, np.ones(4), pulls=np.full(4, 1e-6), rate=RATE)
    assert points == pytest.approx([1.0, 40.0, 0.0, 3.0], abs=0.05)
    assert beside == pytest.approx(BESIDE, rel=0.05)


def test_noise_moves_weights_a_little() -> None:
    counts, seconds = drawn([1.0, 40.0, 0.5, 3.0], noise=0.2)
    points, _ = fitted(counts, seconds, np.ones(4), pulls=np.full(4, 0.02), rate=RATE)
    assert points == pytest.approx([1.0, 40.0, 0.5, 3.0], rel=0.3)


def test_no_weight_is_negative() -> None:
    counts, seconds = drawn([0.0, 1.0, 0.0, 9.0], noise=0.5)
    points, beside = fitted(counts, seconds, np.ones(4), pulls=np.zeros(4), rate=RATE)
    assert (points >= 0).all()
    assert beside >= 0


def test_coordinate_in_no_query_stays_what_it_was() -> None:
    counts, seconds = drawn([2.0, 5.0])
    counts = np.column_stack([counts, np.zeros(len(seconds))])
    points, _ = fitted(counts, seconds, np.array([2.0, 5.0, 7.0]), pulls=np.full(3, 0.02), rate=RATE)
    assert points[2] == pytest.approx(7.0)


def test_coordinates_that_always_come_together_share_what_they_take() -> None:
    counts, seconds = drawn([4.0, 10.0])
    together = np.column_stack([counts, counts[:, 0]])
    points, _ = fitted(together, seconds, np.ones(3), pulls=np.full(3, 0.01), rate=RATE)
    assert points[0] == pytest.approx(points[2], rel=0.05)
    assert points[0] + points[2] == pytest.approx(4.0, rel=0.1)
