"""What the supervisor and a worker say to each other."""

from typing import Final

import msgspec


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One series of a family of metrics, now."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """The series of one name; `kind` is Prometheus's type."""

    name: str
    documentation: str
    kind: str
    samples: list[Sample]


class Part(msgspec.Struct, frozen=True):
    """What is known of one worker; `families` is None if it did not answer, `restarts` if the supervisor did not."""

    worker: int
    restarts: int | None
    families: list[Family] | None


class Started(msgspec.Struct, frozen=True, tag=True):
    """From a worker: it takes requests."""


class Ask(msgspec.Struct, frozen=True, tag=True):
    """From a worker: what do all of them count? Answered by `Everything` with the same number."""

    number: int


class Counted(msgspec.Struct, frozen=True, tag=True):
    """From a worker, in answer to `Count`."""

    number: int
    families: list[Family]


class Alive(msgspec.Struct, frozen=True, tag=True):
    """From a worker, in answer to `Ping`."""


class Count(msgspec.Struct, frozen=True, tag=True):
    """To a worker: say what you count."""

    number: int


class Everything(msgspec.Struct, frozen=True, tag=True):
    """To a worker, in answer to `Ask`."""

    number: int
    parts: list[Part]


class Ping(msgspec.Struct, frozen=True, tag=True):
    """To a worker: answer, if your event loop runs."""


class Retire(msgspec.Struct, frozen=True, tag=True):
    """To a worker: another has your place; take no new connections, and end with those that you have."""


FromWorker = Started | Ask | Counted | Alive
ToWorker = Count | Everything | Ping | Retire

FROM_WORKER: Final[msgspec.msgpack.Decoder[FromWorker]] = msgspec.msgpack.Decoder(FromWorker)
TO_WORKER: Final[msgspec.msgpack.Decoder[ToWorker]] = msgspec.msgpack.Decoder(ToWorker)
