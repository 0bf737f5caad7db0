"""How far a file has been taken, so that the same command goes on where it was stopped.

It only saves time: an event that is sent again is found to be a duplicate by its key.
"""

import os
from collections import Counter
from pathlib import Path

import msgspec

from gateway.ingest.lines import Position
from gateway.ingest.source import Fingerprint
from persistence.ids import TenantId


class Counts(msgspec.Struct, frozen=True):
    """Lines by what became of them."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    problems: dict[str, int] = {}
    """How often each code was among the problems of a rejected line."""

    @property
    def total(self) -> int:
        return self.accepted + self.duplicate + self.rejected

    def plus(self, other: "Counts") -> "Counts":
        return Counts(
            self.accepted + other.accepted,
            self.duplicate + other.duplicate,
            self.rejected + other.rejected,
            dict(Counter(self.problems) + Counter(other.problems)),
        )


class Witness(msgspec.Struct, frozen=True):
    """A line whose event is in the database, if it still is the database that the checkpoint is about."""

    start: Position
    """Of a batch with this line in it."""
    line: int


class Checkpoint(msgspec.Struct, frozen=True):
    """Everything before `position` is committed."""

    tenant_id: TenantId
    source: Fingerprint
    format: str
    position: Position
    witness: Witness
    counts: Counts
    rejects: str
    rejects_bytes: int


def read_checkpoint(path: Path) -> Checkpoint | None:
    """None where there is none, or none that can be read. Raises OSError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Checkpoint)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Whole or not at all. Raises OSError."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(msgspec.json.encode(checkpoint))
    os.replace(partial, path)
