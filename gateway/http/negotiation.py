"""Which media type answers a request (GraphQL over HTTP, section "Media Types"; RFC 9110, section 12.5.1)."""

from enum import StrEnum
from typing import Final

import msgspec

from gateway.errors import Code, rejected


class MediaType(StrEnum):
    """What the endpoint can answer with."""

    JSON = "application/json"
    GRAPHQL = "application/graphql-response+json"
    EVENT_STREAM = "text/event-stream"


class Accepted(msgspec.Struct, frozen=True):
    """What a client accepts: the better JSON type, if any; SSE, if named; and whether SSE is what it wants most."""

    json: MediaType | None
    stream: bool
    stream_first: bool

    @property
    def errors(self) -> MediaType:
        """The type of an error that comes before any stream does."""
        return self.json or MediaType.JSON


ANYTHING: Final = Accepted(json=MediaType.JSON, stream=False, stream_first=False)


def accepted(header: str | None) -> Accepted:
    """Read an Accept header; a missing one and `*/*` mean application/json, as the legacy of the specification asks.

    A type that is named beats a wildcard of the same quality, and application/graphql-response+json, whose statuses
    tell more, beats application/json. Raises RequestRejected NOT_ACCEPTABLE.
    """
    if header is None or not header.strip():
        return ANYTHING
    qualities = _qualities(header)
    ranked: list[tuple[float, bool, bool, MediaType]] = []
    for media in (MediaType.JSON, MediaType.GRAPHQL):
        named = qualities.get(media.value)
        quality = named if named is not None else qualities.get("application/*", qualities.get("*/*", 0.0))
        if quality > 0:
            ranked.append((quality, named is not None, named is not None and media is MediaType.GRAPHQL, media))
    best = max(ranked) if ranked else None
    stream = qualities.get(MediaType.EVENT_STREAM.value, 0.0)
    if best is None and stream <= 0:
        supported = ", ".join(MediaType)
        raise rejected(Code.NOT_ACCEPTABLE, f"None of the accepted media types is served here: {supported}.")
    stream_first = stream > 0 and (best is None or stream > best[0] or not best[1])
    return Accepted(json=best[3] if best else None, stream=stream > 0, stream_first=stream_first)


def _qualities(header: str) -> dict[str, float]:
    """Quality by media range; a range with a malformed quality counts as not accepted."""
    qualities: dict[str, float] = {}
    for part in header.split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "q":
                quality = _quality(value.strip())
        if media:
            qualities[media.lower()] = quality
    return qualities


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
