"""Where a run is in its life."""

from enum import StrEnum
from typing import Final

from persistence.records import AttributionRunRecord
from resolvers.errors import invalid


class RunStatus(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


ENDED: Final = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED})
"""Nothing changes a run any more."""


def refuse_unfinished(run: AttributionRunRecord, *path: str) -> None:
    """Raises InvalidInput (RUN_NOT_FINISHED)."""
    if run.status != RunStatus.SUCCEEDED:
        raise invalid("RUN_NOT_FINISHED", f"This run is {run.status}: name one that has SUCCEEDED.", *path)
