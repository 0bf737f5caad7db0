"""Relay's global look-up: typed ids of any kind to records."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from persistence.repositories.owned import OwnedRows
from persistence.repositories.podcasts import Episodes, Podcasts
from resolvers import ids
from resolvers.context import RequestContext
from resolvers.errors import InvalidInput, Problem
from resolvers.policy import Permission

LARGEST_REQUEST = 1_000

ROWS: Mapping[str, type[OwnedRows[Any, Any]]] = {
    ids.PODCAST: Podcasts,
    ids.EPISODE: Episodes,
}
"""Where the rows of each prefix are; what is not listed here is nobody's node."""


async def nodes(context: RequestContext, texts: Sequence[str], argument: str) -> list[Any]:
    """The record of each id, or None where the tenant has none. Raises InvalidInput for what is no id at all."""
    context.tenant_for(Permission.READ)
    if len(texts) > LARGEST_REQUEST:
        message = f"At most {LARGEST_REQUEST:,} ids at once."
        raise InvalidInput([Problem("TOO_MANY_IDS", message, (argument,))])
    wanted = [ids.split_id(text, (argument, str(index))) for index, text in enumerate(texts)]
    by_prefix: dict[str, list[int]] = {}
    for prefix, row_id in wanted:
        by_prefix.setdefault(prefix, []).append(row_id)
    known = {prefix: row_ids for prefix, row_ids in by_prefix.items() if prefix in ROWS}
    fetched = await asyncio.gather(
        *(context.loaders.by_id(ROWS[prefix]).fetch(row_ids) for prefix, row_ids in known.items())
    )
    found = {
        (prefix, row_id): record
        for (prefix, row_ids), records in zip(known.items(), fetched, strict=True)
        for row_id, record in zip(row_ids, records, strict=True)
    }
    return [found.get(key) for key in wanted]
