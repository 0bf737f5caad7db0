"""Fixtures of the gateway's tests."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def leftovers_collected() -> Iterator[None]:
    """See `tests/gateway/execution/leftovers.py`."""
    yield
    gc.collect()
