"""The days that anything of ours can be of."""

from datetime import UTC, datetime
from typing import Final

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2999, 12, 31, tzinfo=UTC)
"""Beyond these nothing was or will be. asyncpg would store the ends of Python's calendar as infinities."""
