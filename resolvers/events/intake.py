"""Taking events in: checked, looked up, and stored once each, a batch at a time."""

import time
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

import msgspec

from ops.telemetry.metrics import EventMetrics
from persistence.database import Database
from persistence.errors import MissingPartition, MissingReference, WriteConflict
from persistence.ids import AdvertiserId, EventId, PlacementId, TenantId
from persistence.partitions import make_partitions
from persistence.repositories.event_intake import EventIntake, KnownEvent, NewEvent
from resolvers.errors import Problem
from resolvers.events.checks import CheckedEvent, EventChecks
from resolvers.events.identity import Households
from resolvers.events.incoming import IncomingEvent
from resolvers.sight import OperationDatabase

Problems = tuple[Problem, ...]


class OutcomeStatus(StrEnum):
    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"
    REJECTED = "REJECTED"


class Outcome(msgspec.Struct, frozen=True):
    """What became of one event."""

    status: OutcomeStatus
    event_id: EventId | None = None
    """Of a duplicate, the id of the event that was stored first; of a rejected event, None."""
    type: str | None = None
    """As the event says; of a duplicate, as the event says that was stored first."""
    problems: Problems = ()
    """Why it was rejected, with paths that begin within the event, such as ("occurredAt",)."""
    advertiser_id: AdvertiserId | None = None
    """Whose the accepted event is."""
    counted: bool = False
    """Whether the accepted event counts: false for a further report of an order."""


class IntakeSettings(msgspec.Struct, frozen=True):
    household_key: str
    """Keys the hashes of addresses: with another one, every household is a new one."""
    keep_months: int
    """Whole months before the present one from which events are still taken."""


class Intake:
    """The way in for events, whatever door they come by. One per process."""

    def __init__(
        self, database: Database, settings: IntakeSettings, clock: Callable[[], datetime], metrics: EventMetrics
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._metrics = metrics

    def at(self, clock: Callable[[], datetime]) -> Self:
        """The same intake by another clock."""
        return type(self)(self._database, self._settings, clock, self._metrics)

    async def make_partitions(self) -> int:
        """Makes the months that events may be of from now on; gives how many were missing."""
        return await make_partitions(self._database, self._clock(), self._settings.keep_months)

    async def store(
        self, tenant_id: TenantId, events: Sequence[IncomingEvent], database: OperationDatabase | None = None
    ) -> list[Outcome]:
        """One outcome for each event, in their order; what is accepted is stored, all of it in one transaction.

        Through the operation's `database`, where there is an operation.

        A bad event is rejected and spoils no other. Storing the same events again changes nothing. Raises
        DatabaseUnavailable, after which it is not known whether they were stored: send them again.
        """
        began = time.perf_counter()
        database = self._database if database is None else database
        now = self._clock()
        households = Households(self._settings.household_key, tenant_id)
        checks = EventChecks(tenant_id, households, now, self._settings.keep_months)
        checked = [checks.checked(event) for event in events]
        try:
            batch = await self._stored(database, tenant_id, checked, now)
        except MissingPartition:
            # The process stood still for months, or its clock jumped.
            await self.make_partitions()
            batch = await self._stored(database, tenant_id, checked, now)
        except WriteConflict:
            batch = await self._stored(database, tenant_id, checked, now)
        outcomes = [batch.outcome(place, event.type) for place, event in enumerate(events)]
        self._metrics.count([(outcome.status, outcome.type) for outcome in outcomes])
        self._metrics.seconds.observe(time.perf_counter() - began)
        return outcomes

    async def _stored(
        self,
        database: OperationDatabase,
        tenant_id: TenantId,
        checked: Sequence[CheckedEvent | Problems],
        now: datetime,
    ) -> "_StoredBatch":
        rejected = [event for event in checked if isinstance(event, tuple)]
        if len(rejected) == len(checked):
            return _StoredBatch(rejected, {}, {}, {})
        async with database.write(tenant_id) as session:
            rows = EventIntake(session)
            owners = await _owners(rows, checked)
            found = [event if isinstance(event, tuple) else owners.found(event) for event in checked]
            first: dict[EventId, NewEvent] = {}
            for event in found:
                if not isinstance(event, tuple):
                    first.setdefault(event.id, event)
            counted = await rows.insert(list(first.values()), now) if first else {}
            before = first.keys() - counted.keys()
            known = await rows.known(before) if before else {}
            if len(known) < len(before):
                # Found a moment ago, and yet the statement did not take it for the tenant's: a defect of ours.
                raise MissingReference("events_placement")
        return _StoredBatch(found, first, counted, known)


class _StoredBatch(msgspec.Struct, frozen=True):
    """A batch after the commit."""

    found: Sequence[NewEvent | Problems]
    """One for each event."""
    first: Mapping[EventId, NewEvent]
    """The first event of each id: the one that was stored, if none had been before."""
    counted: Mapping[EventId, bool]
    """Of those that were stored now, whether they count."""
    known: Mapping[EventId, KnownEvent]
    """What had been stored under the ids of the others."""

    def outcome(self, place: int, given_type: str | None) -> Outcome:
        event = self.found[place]
        if isinstance(event, tuple):
            return Outcome(OutcomeStatus.REJECTED, None, given_type, event)
        counted = self.counted.get(event.id)
        first: NewEvent | KnownEvent = self.known[event.id] if counted is None else self.first[event.id]
        if first.key not in {None, event.key}:
            return Outcome(OutcomeStatus.REJECTED, None, event.type, _COLLISION)
        if first is not event:
            return Outcome(OutcomeStatus.DUPLICATE, event.id, first.type or event.type)
        return Outcome(OutcomeStatus.ACCEPTED, event.id, event.type, (), event.advertiser_id, bool(counted))


class _Owners(msgspec.Struct, frozen=True):
    """What the tenant has of the placements and advertisers that a batch names."""

    of_placements: Mapping[PlacementId, AdvertiserId]
    advertisers: Set[AdvertiserId]

    def found(self, event: CheckedEvent) -> NewEvent | Problems:
        """The event with its advertiser; or what it names and the tenant has not, without saying who has."""
        problems: Problems = ()
        placement_id, advertiser_id = event.placement_id, event.advertiser_id
        owner = None if placement_id is None else self.of_placements.get(placement_id)
        if placement_id is not None and owner is None:
            problems += _UNKNOWN_PLACEMENT
        if advertiser_id is None:
            advertiser_id = owner
        elif owner is None and advertiser_id not in self.advertisers:
            problems += _UNKNOWN_ADVERTISER
        elif owner is not None and owner != advertiser_id:
            problems += _MISMATCH
        if problems or advertiser_id is None:
            return problems
        return NewEvent(
            event.id,
            event.occurred_at,
            event.type,
            event.key,
            event.household,
            advertiser_id,
            placement_id,
            event.source,
            event.order_id,
            event.value_minor,
            event.currency,
            event.promo_code,
        )


async def _owners(rows: EventIntake, checked: Sequence[CheckedEvent | Problems]) -> _Owners:
    events = [event for event in checked if not isinstance(event, tuple)]
    placement_ids = {event.placement_id for event in events if event.placement_id is not None}
    advertiser_ids = {event.advertiser_id for event in events if event.advertiser_id is not None}
    return _Owners(
        await rows.advertisers_of(placement_ids) if placement_ids else {},
        await rows.existing_advertisers(advertiser_ids) if advertiser_ids else set(),
    )


def _rejection(code: str, message: str, field: str) -> Problems:
    return (Problem(code, message, (field,)),)


_UNKNOWN_PLACEMENT: Final = _rejection(
    "UNKNOWN_PLACEMENT",
    "Your tenant has no placement of this id: look the id up and send the event again.",
    "placementId",
)
_UNKNOWN_ADVERTISER: Final = _rejection(
    "UNKNOWN_ADVERTISER",
    "Your tenant has no advertiser of this id: look the id up and send the event again.",
    "advertiserId",
)
_MISMATCH: Final = _rejection(
    "ADVERTISER_MISMATCH", "The placement is not this advertiser's: leave the advertiser out.", "advertiserId"
)
_COLLISION: Final = _rejection(
    "KEY_COLLISION", "Another key of yours happens to have the same hash: choose another key for this event.", "key"
)
