"""The shapes of `podgraph bench queries`: the same question to the graph and to the hand-written endpoint."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

NAMES: Final = ("Q1", "Q2", "Q3", "Q4")

Q1: Final = """
query Q1($advertiser: ID!, $campaigns: Int!, $placements: Int!) {
  campaigns(first: $campaigns, filter: {advertiserId: $advertiser}) {
    nodes {
      id name status
      placements(first: $placements) {
        nodes { id position promoCode episode { id title podcast { id title } } }
      }
    }
  }
}
"""
Q2: Final = """
query Q2($run: ID!, $conversions: Int!) {
  attributionRun(id: $run) {
    campaign { id name }
    conversions(first: $conversions) {
      nodes {
        occurredAt
        value { amountMinor currency }
        credits { share placement { id promoCode episode { id title } } }
      }
    }
  }
}
"""
Q3: Final = """
query Q3($campaign: ID!) { campaign(id: $campaign) { id name status } }
"""
Q4: Final = """
query Q4($podcast: ID!, $episodes: Int!) {
  podcast(id: $podcast) { episodes(first: $episodes) { nodes { id title publishedAt durationSeconds } } }
}
"""


class Size(msgspec.Struct, frozen=True):
    """How much the bench's tenant has; what is asked for follows from it."""

    advertisers: int = 4
    campaigns: int = 50
    """Of each advertiser."""
    placements: int = 20
    """Of each campaign."""
    podcasts: int = 50
    episodes: int = 40
    """Of each podcast that carries placements."""
    archives: int = 4
    """Podcasts without placements."""
    archive_episodes: int = 1_000
    """Of each of these."""
    conversions: int = 200
    """Of each advertiser, each with a path of its first campaign's placements."""


def needed(names: Collection[str]) -> Size:
    """What has to be there for the shapes of these names."""
    whole = Size()
    return Size(archives=whole.archives if "Q4" in names else 0, conversions=whole.conversions if "Q2" in names else 0)


class Known(msgspec.Struct, frozen=True):
    """Typed ids of what the bench's tenant has, to ask for in turns."""

    advertisers: tuple[str, ...]
    campaigns: tuple[str, ...]
    runs: tuple[str, ...]
    archives: tuple[str, ...]


class Question(msgspec.Struct, frozen=True):
    """With variables of its own: to the graph, and to the hand-written endpoint."""

    body: bytes
    """JSON of a GraphQL request."""
    path: str


class Shape(msgspec.Struct, frozen=True):
    """Questions that differ in what they ask for, not in how much."""

    name: str
    title: str
    questions: tuple[Question, ...]
    values: int
    """Scalars in an answer, at least: a shorter one would be about something else."""


def shapes(size: Size, known: Known) -> list[Shape]:
    """All of them, in the order of NAMES."""
    placements = size.campaigns * size.placements
    return [
        _shape(
            "Q1",
            f"{size.campaigns} campaigns × {size.placements} placements × episode × podcast",
            Q1,
            3 * size.campaigns + 7 * placements,
            known.advertisers,
            lambda own: {"advertiser": own, "campaigns": size.campaigns, "placements": size.placements},
        ),
        _shape(
            "Q2",
            f"1 campaign, {size.conversions} conversions × credits × placement × episode",
            Q2,
            2 + (3 + 5) * size.conversions,
            known.runs,
            lambda own: {"run": own, "conversions": size.conversions},
        ),
        _shape("Q3", "1 campaign, 3 scalars", Q3, 3, known.campaigns, lambda own: {"campaign": own}),
        _shape(
            "Q4",
            f"{size.archive_episodes:,} episodes × 4 scalars",
            Q4,
            4 * size.archive_episodes,
            known.archives,
            lambda own: {"podcast": own, "episodes": size.archive_episodes},
        ),
    ]


def values(answer: Any) -> int:
    """Scalars and nulls in an answer."""
    if isinstance(answer, dict):
        return sum(map(values, answer.values()))
    if isinstance(answer, list):
        return sum(map(values, answer))
    return 1


def _shape(
    name: str,
    title: str,
    text: str,
    least: int,
    ids: tuple[str, ...],
    variables: Callable[[str], Mapping[str, Any]],
) -> Shape:
    return Shape(
        name,
        title,
        tuple(
            Question(
                msgspec.json.encode({"query": text.strip(), "variables": variables(own)}),
                f"/{name.lower()}?{urlencode(variables(own))}",
            )
            for own in ids
        ),
        least,
    )
