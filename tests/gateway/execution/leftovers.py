"""What graphql-core leaves behind where a field fails: it cancels the siblings, and of one that had not begun yet the
coroutines that it holds are never awaited, which Python says when it collects them."""

from typing import Final

import pytest

LEFTOVERS: Final = [
    pytest.mark.usefixtures("leftovers_collected"),
    pytest.mark.filterwarnings("ignore:coroutine '.*' was never awaited:RuntimeWarning"),
    # Python cannot even say it where it collects them within a namedtuple's constructor, which has no `__import__`.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <coroutine object:pytest.PytestUnraisableExceptionWarning"
    ),
]
"""Marks of a module whose queries fail. They are collected before other tests begin, which are strict."""
