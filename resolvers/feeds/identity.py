"""What makes an item the same item when its feed is read again."""

import hashlib
from collections.abc import Sequence

from resolvers.feeds.reasons import ItemReason
from resolvers.feeds.values import ParsedEpisode, RejectedItem

GUID_LIMIT = 1_000
"""Bytes of UTF-8, so that an index can hold it; a longer guid is replaced by its hash, since cutting it could make two
items one."""


def identity(
    guid: str | None, enclosure_url: str | None, link: str | None, title: str | None, date: str | None
) -> str | None:
    """The first of: guid, enclosure's URL, link, hash of title and date as published. None: the item says nothing."""
    known = guid or enclosure_url or link
    if known is not None:
        return _hashed(known) if is_long(known) else known
    if title is None and date is None:
        return None
    return _hashed(f"{title or ''}\n{date or ''}")


def is_long(guid: str) -> bool:
    return len(guid.encode("utf-8")) > GUID_LIMIT


def without_duplicates(
    episodes: Sequence[tuple[int, ParsedEpisode]],
) -> tuple[list[ParsedEpisode], list[RejectedItem]]:
    """Of items with one guid, the newest (without dates: the first); the others are rejected. Keeps the order."""
    kept: dict[str, tuple[int, ParsedEpisode]] = {}
    losers: list[tuple[int, ParsedEpisode]] = []
    for index, episode in episodes:
        rival = kept.get(episode.guid)
        if rival is None:
            kept[episode.guid] = (index, episode)
        elif _newer(episode, rival[1]):
            losers.append(rival)
            kept[episode.guid] = (index, episode)
        else:
            losers.append((index, episode))
    survivors = sorted(kept.values(), key=lambda entry: entry[0])
    rejected = [
        RejectedItem(
            index=index,
            guid=episode.guid,
            title=episode.title,
            code=ItemReason.DUPLICATE_GUID,
            message=f"another item of this feed has this guid; item {kept[episode.guid][0]} was kept",
        )
        for index, episode in sorted(losers, key=lambda entry: entry[0])
    ]
    return [episode for _, episode in survivors], rejected


def _newer(episode: ParsedEpisode, rival: ParsedEpisode) -> bool:
    if episode.published_at is None or rival.published_at is None:
        return episode.published_at is not None
    return episode.published_at > rival.published_at


def _hashed(value: str) -> str:
    return f"sha256:{hashlib.sha256(value.encode('utf-8')).hexdigest()}"
