"""Values that mean something to a server: ids, moments and words that are read from it before it is measured."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from gateway.cost.calibration.arguments import Values

Ask = Callable[[str], Awaitable[Mapping[str, Any]]]
"""The data that answers a query; raises when there are errors."""

QUERY: Final = """{
  podcasts(first: 20) { nodes { id episodes(first: 2) { nodes { id } } } }
  advertisers(first: 20) { nodes { id } }
  campaigns(first: 20) { nodes {
    id lineItems(first: 2) { nodes { id } } placements(first: 2) { nodes { id promoCode } }
  } }
  events(first: 20) { nodes { id occurredAt household } }
  conversions(first: 20) { nodes { id orderId } }
  attributionRuns(first: 5, filter: {statuses: [SUCCEEDED]}) { nodes { id campaign { id } } }
}"""
"""What is asked of the server."""

SIZES: Final = (0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
"""Numbers for lists."""

_HOURS: Final = (24, 720)
"""Numbers in input objects, which are lengths of time."""

_DAYS: Final = (1, 7, 30, 60)
_ID: Final = re.compile(r"[a-z]{3}_[0-9]+")
_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "podcast": "pod",
        "episode": "epi",
        "advertiser": "adv",
        "campaign": "cmp",
        "lineItem": "lin",
        "placement": "plc",
        "conversion": "cnv",
        "attributionRun": "run",
    }
)
"""The prefix of ids by the field that takes one as `id`; in other names, such as 'campaignId', it comes before 'Id'."""
_RUNS: Final = frozenset({"run", "against"})
_COORDINATE: Final = re.compile(r"(?P<type>\w+)\.(?P<field>\w+)(?:\((?P<argument>\w+):\))?")


async def known_values(ask: Ask) -> Values:
    """What the tenant that `ask` asks for has. Where it has nothing of a kind, arguments of that kind are left out."""
    found = await ask(QUERY)
    ids: dict[str, list[str]] = {}
    _collect(found, ids)
    # Attribution is asked for where it was asked for before: other campaigns may have been heard by nobody.
    if credited := [run["campaign"]["id"] for run in _nodes(found, "attributionRuns") if run["campaign"]]:
        ids["cmp"] += credited * 3
    events = _nodes(found, "events")
    texts = {
        "household": [event["household"] for event in events],
        "promoCode": [
            placement["promoCode"]
            for campaign in _nodes(found, "campaigns")
            for placement in _nodes(campaign, "placements")
            if placement["promoCode"]
        ],
        "orderId": [conversion["orderId"] for conversion in _nodes(found, "conversions") if conversion["orderId"]],
        "search": ["a", "the"],
    }
    return _Known(ids, texts, *_moments([event["occurredAt"] for event in events]))


class _Known:
    def __init__(
        self,
        ids: Mapping[str, Sequence[str]],
        texts: Mapping[str, Sequence[str]],
        since: Sequence[str],
        until: Sequence[str],
    ) -> None:
        self._ids = ids
        self._texts = texts
        self._since = since
        self._until = until

    def __call__(self, coordinate: str, type_name: str) -> Sequence[Any]:
        place = _COORDINATE.fullmatch(coordinate)
        if place is None:
            return ()
        name = place["argument"] or place["field"]
        moments = self._since if "from" in name.lower() else self._until
        known: Mapping[str, Sequence[Any]] = {
            "ID": self._ids_for(place["field"], name),
            "String": self._texts.get(name, ()),
            "DateTime": moments,
            "Date": [moment[:10] for moment in moments],
            "Int": SIZES if place["argument"] else _HOURS,
            "Boolean": (True, False),
        }
        return known.get(type_name, ())

    def _ids_for(self, field: str, name: str) -> Sequence[str]:
        if name in _RUNS:
            return self._ids.get("run", ())
        kind = _KINDS.get(field if name == "id" else re.sub(r"Ids?$", "", name))
        if kind is not None:
            return self._ids.get(kind, ())
        return [one for each in self._ids.values() for one in each] if name in {"id", "ids"} else ()


def _collect(value: Any, ids: dict[str, list[str]]) -> None:
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name == "id" and _ID.fullmatch(str(item)):
                ids.setdefault(item[:3], []).append(item)
            else:
                _collect(item, ids)
    elif isinstance(value, list):
        for item in value:
            _collect(item, ids)


def _nodes(parent: Mapping[str, Any], field: str) -> Sequence[Mapping[str, Any]]:
    nodes: Sequence[Mapping[str, Any]] = parent[field]["nodes"]
    return nodes


def _moments(occurred: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Whole hours: beginnings, the latest first, and ends that all lie after them; none without events."""
    if not occurred:
        return (), ()
    last = max(map(datetime.fromisoformat, occurred)).replace(minute=0, second=0, microsecond=0)
    return [(last - timedelta(days=days)).isoformat() for days in _DAYS], [last.isoformat()]
