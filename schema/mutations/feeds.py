"""Importing podcasts from their feeds."""

from typing import Annotated

import strawberry

from persistence.records import PodcastRecord
from resolvers import feed_import
from resolvers.feeds.values import FeedWarning as FeedWarningValue
from resolvers.feeds.values import RejectedItem
from schema.errors import FeedRejectedError, ForbiddenError, InvalidInputError
from schema.fields import LONGEST, root_field
from schema.info import Info
from schema.relay import of_record
from schema.types.podcasts import Podcast

SHOWN = 200
"""Rejected items and warnings listed at most; the counts are complete."""


@strawberry.type(description="An item of a feed that did not become an episode.")
class RejectedFeedItem:
    is_type_of = of_record(RejectedItem)

    index: int | None = strawberry.field(description="Position in the feed, counted from 0; null if it has none.")
    guid: str | None = strawberry.field(description="The item's own identifier, if it has one.")
    title: str | None = strawberry.field(description="The item's title, if it has one.")
    code: str = strawberry.field(description="Why, as a stable code such as DUPLICATE_GUID.")
    message: str = strawberry.field(description="Why, as one sentence in English; not stable.")


@strawberry.type(description="Something in a feed that was mended or left out.")
class FeedWarning:
    is_type_of = of_record(FeedWarningValue)

    code: str = strawberry.field(description="What, as a stable code such as BAD_DATE.")
    message: str = strawberry.field(description="What, as one sentence in English; not stable.")
    index: int | None = strawberry.field(
        description="Position of the item it concerns, counted from 0; null for the feed as a whole."
    )


@strawberry.type(description="What an import did. Episodes that have left the feed stay as they are.")
class ImportFeedPayload:
    podcast: PodcastRecord = strawberry.field(graphql_type=Podcast, description="The podcast as it is now.")
    changed: bool = strawberry.field(description="False if the server said that the feed is what it was.")
    created_count: int = strawberry.field(description="Number of new episodes.")
    updated_count: int = strawberry.field(description="Number of episodes that the feed has changed.")
    unchanged_count: int = strawberry.field(description="Number of episodes that are what they were.")
    rejected_count: int = strawberry.field(description="Number of items that did not become episodes.")
    rejected: list[RejectedItem] = strawberry.field(
        graphql_type=list[RejectedFeedItem],
        description=f"These items and why; the first {SHOWN}.",
        metadata={LONGEST: SHOWN},
    )
    warning_count: int = strawberry.field(description="Number of things that were mended or left out.")
    warnings: list[FeedWarningValue] = strawberry.field(
        graphql_type=list[FeedWarning],
        description=f"What was mended or left out; the first {SHOWN}.",
        metadata={LONGEST: SHOWN},
    )
    new_feed_url: str | None = strawberry.field(
        description="Where the publisher says the feed has moved to (itunes:new-feed-url); import from there next."
    )


ImportFeedResult = Annotated[
    ImportFeedPayload | InvalidInputError | FeedRejectedError | ForbiddenError,
    strawberry.union("ImportFeedResult", description="What the import did, or why it did nothing."),
]


@strawberry.type
class FeedMutations:
    @root_field(
        graphql_type=ImportFeedResult,
        description="Fetches a podcast's feed and takes it over, whole or not at all. Importing again updates,"
        " and brings an archived podcast back.",
    )
    @staticmethod
    async def import_feed(
        info: Info, url: Annotated[str, strawberry.argument(description="The feed's public http or https URL.")]
    ) -> ImportFeedPayload:
        done = await feed_import.import_feed(info.context, url)
        return ImportFeedPayload(
            podcast=done.podcast,
            changed=done.changed,
            created_count=done.created,
            updated_count=done.updated,
            unchanged_count=done.unchanged,
            rejected_count=len(done.rejected),
            rejected=list(done.rejected[:SHOWN]),
            warning_count=len(done.warnings),
            warnings=list(done.warnings[:SHOWN]),
            new_feed_url=done.new_feed_url,
        )
