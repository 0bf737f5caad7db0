"""Where an operation's time went: its calls, level by level, for traces and for `extensions.profile`."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
from opentelemetry.trace import Tracer

PROFILE: Final = "profile"
"""The request extension that asks for it, and the response extension that has it."""


class Way(StrEnum):
    """How an operation was executed."""

    COMPILED = "compiled"
    ABANDONED = "abandoned"
    """Begun from a plan, answered by graphql-core."""
    REFERENCE = "reference"
    """By graphql-core alone."""


class CalledLevel(msgspec.Struct):
    """One call of a resolver; moments are in seconds of the profile's clock."""

    coordinate: str
    path: tuple[str, ...]
    parents: int
    """For so many objects at once; 1 for a root field."""
    began: float
    ended: float | None = None
    """None for a call that was given up, or that raised."""


class Profile:
    """Collects the calls of one operation. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self.way = Way.REFERENCE
        self.why: str | None = None
        """Why graphql-core had to answer."""
        self.levels: list[CalledLevel] = []

    def begin(self, coordinate: str, path: tuple[str, ...], parents: int) -> CalledLevel:
        """A call that begins now."""
        level = CalledLevel(coordinate, path, parents, self._clock())
        self.levels.append(level)
        return level

    def end(self, level: CalledLevel) -> None:
        """The call has answered."""
        level.ended = self._clock()

    def trace(self, tracer: Tracer, now: int) -> None:
        """A span for each call that answered, below the current one; `now` is the present in Unix nanoseconds."""
        present = self._clock()
        for level in self.levels:
            if level.ended is not None:
                span = tracer.start_span(
                    level.coordinate,
                    start_time=now - int((present - level.began) * 1e9),
                    attributes={"graphql.field.path": ".".join(level.path), "podgraph.parents": level.parents},
                )
                span.end(now - int((present - level.ended) * 1e9))

    def shown(self) -> dict[str, Any]:
        """`extensions.profile`: milliseconds since the execution began."""
        shown: dict[str, Any] = {"executor": self.way.value, "milliseconds": _milliseconds(self._clock() - self._began)}
        if self.why is not None:
            shown["reason"] = self.why
        shown["levels"] = [
            {
                "path": ".".join(level.path),
                "field": level.coordinate,
                "parents": level.parents,
                "startMilliseconds": _milliseconds(level.began - self._began),
                "milliseconds": None if level.ended is None else _milliseconds(level.ended - level.began),
            }
            for level in _by_start(self.levels)
        ]
        return shown


def _by_start(levels: Sequence[CalledLevel]) -> list[CalledLevel]:
    return sorted(levels, key=lambda level: level.began)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1_000, 3)
