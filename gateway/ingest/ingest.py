"""One source of events into one tenant, from where the last run was stopped."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from gateway.ingest.checkpoint import Checkpoint, Counts, Witness, read_checkpoint, write_checkpoint
from gateway.ingest.formats import Beginning, FormatName, format_of
from gateway.ingest.lines import BEGINNING, BYTE_ORDER_MARK, LONGEST_LINE, Batch, batches
from gateway.ingest.pipeline import Pipeline, TakenBatch
from gateway.ingest.rejects import RejectsFile, length
from gateway.ingest.source import Source, UnreadableSource
from persistence.ids import TenantId
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import Outcome, OutcomeStatus

Store = Callable[[Sequence[IncomingEvent]], Awaitable[list[Outcome]]]

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Job(msgspec.Struct, frozen=True):
    """What is to be taken in, and how."""

    tenant_id: TenantId
    format: FormatName | None
    """None: by the source's name, else by how it begins."""
    rejects: Path
    checkpoint: Path
    """Written only of a source that can be read again."""
    batch: int
    """Events in one transaction."""


class Ingest:
    """Where it stands can be read at any time, also after it failed."""

    def __init__(self, source: Source, job: Job) -> None:
        """Reads the first line. Raises UnreadableSource, OSError."""
        self._source = source
        self._job = job
        if source.repeatable:
            source.claim()
        if source.is_file(job.rejects) or source.is_file(job.checkpoint) or job.rejects == job.checkpoint:
            raise UnreadableSource(f"{source.name}, its rejects and its state need a file each")
        self._fingerprint = source.fingerprint() if source.repeatable else None
        self._written = length(job.rejects)
        blocks = source.blocks()
        beginning, held = _beginning(blocks)
        self._once = chain(held, blocks)
        """The content of a source that comes once."""
        self._format = format_of(job.format, source.name, beginning)
        self.position = BEGINNING
        """Everything before it is taken."""
        self.counts = Counts()
        """Of all lines before the position."""
        self.before = Counts()
        """Of the lines that earlier runs have taken."""
        self._witness: Witness | None = None

    async def resume(self, store: Store) -> str | None:
        """Goes to where the last run of the same job was stopped; gives what there is to say about it.

        Raises DatabaseUnavailable.
        """
        if not self._source.repeatable:
            name = self._source.name
            return (
                f"{name[:1].upper()}{name[1:]} comes once: after an interruption send all of it again;"
                " what was taken is found to be a duplicate."
            )
        checkpoint = read_checkpoint(self._job.checkpoint)
        if checkpoint is None:
            return None
        why = self._differs(checkpoint)
        if why is None and not await self._attested(checkpoint, store):
            why = "the database does not have what was taken before"
        if why is not None:
            return f"Starting at the beginning, since {why}; nothing is counted twice."
        self.position = checkpoint.position
        self.counts = self.before = checkpoint.counts
        self._witness = checkpoint.witness
        self._written = checkpoint.rejects_bytes
        return f"Going on after line {checkpoint.position.line:,}, up to which an earlier run came."

    async def run(self, store: Store, progress: Callable[[], None]) -> None:
        """Takes in what is left; `progress` is called after each batch.

        Raises UnreadableSource when the source breaks, with everything before that taken; DatabaseUnavailable when the
        database stays away; OSError when the rejects or the checkpoint cannot be written.
        """
        if self.position == BEGINNING:
            self._written = 0
        with RejectsFile(self._job.rejects, self._written) as rejects:

            def acknowledge(taken: TakenBatch) -> None:
                rejects.add(taken.rejects)
                self._written = rejects.bytes
                self._note(taken)
                progress()

            blocks = self._source.blocks(self.position.offset) if self._source.repeatable else self._once
            lines = batches(blocks, self._job.batch, self.position)
            await Pipeline(store).run(lines, self._format, acknowledge, self._source.stop)
        if self._source.repeatable:
            self._job.checkpoint.unlink(missing_ok=True)

    def _note(self, taken: TakenBatch) -> None:
        self.position = taken.batch.end
        self.counts = self.counts.plus(taken.counts)
        if taken.stored_line is not None:
            self._witness = Witness(taken.batch.start, taken.stored_line)
        if self._fingerprint is not None and self._witness is not None:
            write_checkpoint(
                self._job.checkpoint,
                Checkpoint(
                    tenant_id=self._job.tenant_id,
                    source=self._fingerprint,
                    format=type(self._format).__name__,
                    position=self.position,
                    witness=self._witness,
                    counts=self.counts,
                    rejects=str(self._job.rejects.absolute()),
                    rejects_bytes=self._written,
                ),
            )

    def _differs(self, checkpoint: Checkpoint) -> str | None:
        """Why the checkpoint is of no use."""
        if checkpoint.source != self._fingerprint:
            return f"{self._source.name} has changed"
        if checkpoint.tenant_id != self._job.tenant_id:
            return "the earlier run was for another tenant"
        if checkpoint.format != type(self._format).__name__:
            return "the earlier run read it in another format"
        if checkpoint.rejects != str(self._job.rejects.absolute()) or checkpoint.rejects_bytes > self._written:
            return "the earlier run's rejects are not in the same file"
        return None

    async def _attested(self, checkpoint: Checkpoint, store: Store) -> bool:
        """Whether this database has the witness: it may be another one, or one restored from a backup."""
        start, line = checkpoint.witness.start, checkpoint.witness.line
        for batch in batches(self._source.blocks(start.offset), self._job.batch, start):
            if isinstance(batch, Batch) and line <= batch.end.line:
                decoded = self._format.decoded(batch)
                events = [event for number, event in zip(decoded.lines, decoded.events, strict=True) if number == line]
                return [outcome.status for outcome in await store(events)] == [OutcomeStatus.DUPLICATE]
        return False


def _beginning(blocks: Iterator[bytes]) -> tuple[Beginning, list[bytes]]:
    """The first line that is not blank, and the blocks that were read for it. Raises UnreadableSource."""
    held: list[bytes] = []
    content = b""
    for block in blocks:
        held.append(block)
        content += block
        if content.startswith(_UTF_16):
            raise UnreadableSource("This is UTF-16: events are read in UTF-8, so convert it first")
        *complete, _ = content.split(b"\n")
        if len(content) > LONGEST_LINE or any(line.strip() for line in complete):
            break
    for number, line in enumerate(content.removeprefix(BYTE_ORDER_MARK).split(b"\n"), 1):
        if line.strip():
            return Beginning(line[:LONGEST_LINE], number), held
    return Beginning(b"", 0), held
