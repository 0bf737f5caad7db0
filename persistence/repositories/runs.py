"""Attribution runs: what was asked for, how far it is, and its result, which is written once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import msgspec
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Select, any_, bindparam, func, insert, select, update

from persistence.ids import AdvertiserId, CampaignId, PathSetId, RunId
from persistence.pages import Order, by_column, columns
from persistence.records import AttributionRunRecord, RunValueRecord
from persistence.repositories.conditions import among
from persistence.repositories.jobs import Claim, held
from persistence.repositories.owned import TENANT, OwnedRows
from persistence.sessions import TenantSession
from persistence.tables import attribution_jobs, attribution_runs, credit_values, credits, run_values, tenants

UNFINISHED = ("QUEUED", "RUNNING")


class RunFilter(msgspec.Struct, frozen=True):
    """All that is given must hold."""

    statuses: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    advertiser_id: AdvertiserId | None = None
    campaign_id: CampaignId | None = None


class AttributionRuns(OwnedRows[AttributionRunRecord, RunFilter]):
    table = attribution_runs
    record = AttributionRunRecord
    orders: ClassVar[Mapping[str, Order]] = {
        "CREATED_AT": by_column("CREATED_AT", attribution_runs.c.created_at, datetime),
    }

    @staticmethod
    def matching(wanted: RunFilter) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if wanted.statuses is not None:
            conditions.append(among(attribution_runs.c.status, wanted.statuses))
        if wanted.models is not None:
            conditions.append(among(attribution_runs.c.model, wanted.models))
        if wanted.advertiser_id is not None:
            conditions.append(attribution_runs.c.advertiser_id == wanted.advertiser_id)
        if wanted.campaign_id is not None:
            conditions.append(attribution_runs.c.campaign_id == wanted.campaign_id)
        return conditions

    async def lock_queue(self) -> None:
        """One run at a time is asked for, so that they can be counted: others wait until the transaction ends."""
        statement = select(tenants.c.id).where(tenants.c.id == self.session.tenant_id)
        await self.session.execute(statement.with_for_update(key_share=True))

    async def unfinished(self) -> int:
        return await self.count(RunFilter(statuses=UNFINISHED))

    async def enqueue(self, run_id: RunId) -> None:
        """Lets a process take the new run, once the transaction is committed."""
        await self.session.execute(insert(attribution_jobs).values(tenant_id=self.session.tenant_id, run_id=run_id))

    async def begin(self, claim: Claim) -> AttributionRunRecord | None:
        """The run, now RUNNING; None when the claim does not hold it any more."""
        return await self._changed(
            claim, status="RUNNING", started_at=func.coalesce(self.table.c.started_at, func.now())
        )

    async def note_progress(self, claim: Claim, progress: Decimal) -> bool:
        """`progress` is 0 to 1; it never goes back. False when the claim does not hold the run any more."""
        farther = func.greatest(attribution_runs.c.progress, progress)
        return await self._changed(claim, progress=farther) is not None

    async def note_path_set(self, claim: Claim, path_set_id: PathSetId) -> AttributionRunRecord | None:
        """The run with its path set, which stays the first one noted; None when the claim holds it no more."""
        return await self._changed(claim, path_set_id=func.coalesce(attribution_runs.c.path_set_id, path_set_id))

    async def finish(self, run_id: RunId, status: str, **values: Any) -> AttributionRunRecord | None:
        """The ended run; None when it had ended before, or this tenant has none of this id."""
        statement = (
            update(attribution_runs)
            .where(self._own(), attribution_runs.c.id == run_id, attribution_runs.c.status.in_(UNFINISHED))
            .values(status=status, finished_at=func.now(), **values)
            .returning(*self._columns)
        )
        return await self.session.record(statement, self.record)

    async def _changed(self, claim: Claim, **values: Any) -> AttributionRunRecord | None:
        statement = (
            update(attribution_runs)
            .where(
                self._own(),
                attribution_runs.c.id == claim.run_id,
                attribution_runs.c.status.in_(UNFINISHED),
                held(claim),
            )
            .values(**values)
            .returning(*self._columns)
        )
        return await self.session.record(statement, self.record)


class RunResults:
    """What a run found; written in the transaction that ends it."""

    def __init__(self, session: TenantSession) -> None:
        self._session = session

    async def write_credits(self, run_id: RunId, rows: Sequence[Mapping[str, Any]]) -> None:
        """One for each placement: placement_id, conversions, weight."""
        await self._insert(credits, run_id, rows)

    async def write_credit_values(self, run_id: RunId, rows: Sequence[Mapping[str, Any]]) -> None:
        """One for each placement and currency: placement_id, currency, value in minor units."""
        await self._insert(credit_values, run_id, rows)

    async def write_values(self, run_id: RunId, rows: Sequence[Mapping[str, Any]]) -> None:
        """One for each currency: currency, attributed and unattributed in minor units."""
        await self._insert(run_values, run_id, rows)

    async def values_of(self, run_ids: Sequence[RunId]) -> list[list[RunValueRecord]]:
        """Of each run in order: one record for each currency, by its code."""
        values = {"tenant_id": self._session.tenant_id, "run_ids": list(set(run_ids))}
        found: dict[int, list[RunValueRecord]] = {run_id: [] for run_id in run_ids}
        for record in await self._session.asked_records(_select_values, (), values, RunValueRecord):
            found[record.run_id].append(record)
        return [found[run_id] for run_id in run_ids]

    async def _insert(self, table: Any, run_id: RunId, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            own = {"tenant_id": self._session.tenant_id, "run_id": run_id}
            await self._session.execute(insert(table), [{**own, **row} for row in rows])


def _select_values() -> Select[Any]:
    of_runs = run_values.c.run_id == any_(bindparam("run_ids", type_=ARRAY(BigInteger)))
    return (
        select(*columns(run_values, RunValueRecord))
        .where(run_values.c.tenant_id == TENANT, of_runs)
        .order_by(run_values.c.currency)
    )
