"""Changing a tenant's rows: insert, update by version, and what is refused because of a row's state."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from persistence.errors import DuplicateValue
from persistence.repositories.owned import OwnedRows
from resolvers.errors import Conflict, IllegalTransition, NotFound

R = TypeVar("R", bound=msgspec.Struct)


class Versioned(Protocol):
    @property
    def version(self) -> int: ...


class Archivable(Protocol):
    @property
    def archived_at(self) -> Any: ...


async def insert(rows: OwnedRows[R, Any], values: Mapping[str, Any], *, taken: Mapping[str, str]) -> R:
    """The new row. `taken` maps a unique constraint to the input field it guards. Raises Conflict."""
    try:
        return await rows.insert(values)
    except DuplicateValue as error:
        raise _taken(error, taken) from error


async def update(
    rows: OwnedRows[R, Any],
    row_id: int,
    version: int,
    values: Mapping[str, Any],
    *,
    noun: str,
    taken: Mapping[str, str] | None = None,
) -> R:
    """The updated row. Raises NotFound, or Conflict when `version` is not the newest or a unique value is taken."""
    try:
        updated = await rows.update(row_id, version, values)
    except DuplicateValue as error:
        raise _taken(error, taken or {}) from error
    if updated is not None:
        return updated
    await found(rows, row_id, noun)
    raise stale(noun, version)


async def found(rows: OwnedRows[R, Any], row_id: int, noun: str, *path: str) -> R:
    """The row of this id. Raises NotFound."""
    [record] = await rows.by_ids([row_id])
    if record is None:
        raise missing(noun, *path)
    return record


def missing(noun: str, *path: str) -> NotFound:
    """`path` is ("id",) if left out."""
    return NotFound(f"Your tenant has no such {noun}.", path or ("id",))


def stale(noun: str, version: int) -> Conflict:
    return Conflict(
        f"The {noun} has changed since you read version {version}: read it again, then repeat.", ("version",)
    )


def refuse_stale(record: Versioned, version: int, noun: str) -> None:
    """Raises Conflict when the caller has not seen the newest version."""
    if record.version != version:
        raise stale(noun, version)


def refuse_archived(record: Archivable, noun: str, *path: str) -> None:
    """Raises IllegalTransition."""
    if record.archived_at is not None:
        raise IllegalTransition(f"The {noun} is archived.", path or ("id",))


def _taken(error: DuplicateValue, taken: Mapping[str, str]) -> Conflict:
    field = taken[error.constraint]
    return Conflict(f"This {field} is taken by another of your tenant's.", ("input", field))
