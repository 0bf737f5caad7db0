"""Moments as use cases accept them, and ISO 8601 as clients write it."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from resolvers.calendar import EARLIEST, LATEST

Moment = Annotated[datetime, Field(ge=EARLIEST, le=LATEST)]

_CHARACTERS: Final = frozenset("0123456789-+:.,TtZzW ")


def moment_of(text: str) -> datetime:
    """The moment, naive if the text names no zone. Raises ValueError."""
    # Python takes any character between day and time, even an emoji.
    if not _CHARACTERS.issuperset(text):
        raise ValueError("no moment")
    return datetime.fromisoformat(text)
