"""What the driver and SQLAlchemy raise, as `persistence.errors`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import asyncpg  # type: ignore[import-untyped]  # it ships no types
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from persistence.errors import (
    DatabaseUnavailable,
    DuplicateValue,
    MissingPartition,
    MissingReference,
    PersistenceError,
    ReadOnlyServer,
    RefusedValue,
    WriteConflict,
)

_CHECK_VIOLATION = "23514"
_OF_CONSTRAINT: Mapping[str, type[DuplicateValue | MissingReference]] = {
    "23505": DuplicateValue,
    "23503": MissingReference,
}
_OF_CLASS: Sequence[tuple[str, type[PersistenceError]]] = (
    ("22", RefusedValue),  # data exceptions
    ("40", WriteConflict),
    ("25006", ReadOnlyServer),
    ("08", DatabaseUnavailable),  # the connection is lost
    ("57P", DatabaseUnavailable),  # the server is going away
    ("53", DatabaseUnavailable),  # out of resources
    ("28", DatabaseUnavailable),  # no such role
    ("3D", DatabaseUnavailable),  # no such database
)


@contextmanager
def translated_errors() -> Iterator[None]:
    """The exceptions of the block as `persistence.errors`; what is none of them stays what it is."""
    try:
        yield
    except Exception as error:
        known = translated(error)
        if known is None:
            raise
        raise known from error


def translated(error: Exception) -> PersistenceError | None:
    """None for what is a defect of ours, such as a statement that PostgreSQL cannot read."""
    if isinstance(error, DBAPIError):
        return _of_sqlalchemy(error)
    if isinstance(error, asyncpg.PostgresError):
        return _of_state(error.sqlstate, getattr(error, "constraint_name", None), _said(error))
    # Both an InterfaceError and a ValueError: the driver could not encode the value and sent nothing.
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return RefusedValue(type(error).__name__)
    if isinstance(error, OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return DatabaseUnavailable(_said(error))
    return None


def _of_sqlalchemy(error: DBAPIError) -> PersistenceError | None:
    if isinstance(error, OperationalError | InterfaceError):
        return DatabaseUnavailable(_said(error))
    cause = error.orig.__cause__ if error.orig else None
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # The driver has read that the server ends the connection, and has not yet seen it closed; else it could not
        # encode the value and sent nothing.
        gone = isinstance(error, InternalError)
        return DatabaseUnavailable(_said(error)) if gone else RefusedValue(type(error.orig).__name__)
    known = _of_state(str(state), getattr(cause, "constraint_name", None), _said(error))
    return DatabaseUnavailable(_said(error)) if known is None and error.connection_invalidated else known


def _of_state(state: str, constraint: str | None, said: str) -> PersistenceError | None:
    named = _OF_CONSTRAINT.get(state)
    if named is not None:
        return named(str(constraint))
    if state == _CHECK_VIOLATION:
        # PostgreSQL says so, without a constraint, when a row finds no partition.
        return MissingPartition(said) if constraint is None else RefusedValue(constraint)
    return next((kind(said) for start, kind in _OF_CLASS if state.startswith(start)), None)


def _said(error: BaseException) -> str:
    """What the driver or the operating system says, in one line."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return str(cause).partition("\n")[0].rstrip(".") or type(cause).__name__
