"""Fixtures of the executors' tests."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def leftovers_collected() -> Iterator[None]:
    """See `leftovers.py`."""
    yield
    gc.collect()
