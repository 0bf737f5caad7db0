"""What the database can answer besides rows. Callers never see a driver's exception."""


class PersistenceError(Exception):
    """Base of what this folder raises."""


class DatabaseUnavailable(PersistenceError):
    """No connection could be had, or it was lost before the answer. A write may or may not have happened."""


class DatabaseBusy(DatabaseUnavailable):
    """All connections, or all that one tenant may have, were in use for too long."""


class ReadOnlyServer(DatabaseUnavailable):
    """The server takes no writes, or no longer: another one is the primary now, or will be. Nothing was written."""


class WriteConflict(DatabaseUnavailable):
    """The transaction met another one (a deadlock, a serialization failure) and was undone: it can be tried again."""


class StatementTooLong(DatabaseUnavailable):
    """A question about many events was not answered in the time that a statement may take; nothing was changed."""


class MissingPartition(DatabaseUnavailable):
    """No partition takes the row's time; nothing was written. `persistence.partitions` makes them ahead."""


class PartitionInUse(PersistenceError):
    """A statement that runs for long uses the events of a partition that should be dropped; the message is its name."""


class DuplicateValue(PersistenceError):
    """A unique constraint refused the row; `constraint` is its name in `persistence.tables`."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class MissingReference(PersistenceError):
    """A foreign key points to no row of this tenant; `constraint` is its name in `persistence.tables`."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class RefusedValue(PersistenceError):
    """PostgreSQL cannot store the value: a NUL character, a number out of range, a check constraint."""


class PendingMigrations(PersistenceError):
    """The database lacks tables or columns that this version of the code needs."""


class UnsafeRole(PersistenceError):
    """The application's role could bypass row-level security; the gateway refuses to serve with it."""
