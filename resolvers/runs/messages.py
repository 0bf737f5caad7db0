"""What goes to a calculating process and comes back from it, through its pipes."""

import pickle
from typing import Any, BinaryIO, Final

import msgspec

from resolvers.errors import Problem
from resolvers.runs.calculations import Calculation

_LENGTH_BYTES: Final = 8


class Result(msgspec.Struct, frozen=True):
    value: Any


class Refusal(msgspec.Struct, frozen=True):
    """A model refused the paths."""

    problems: tuple[Problem, ...]


class Defect(msgspec.Struct, frozen=True):
    """Anything else that was raised."""

    traceback: str


Answer = Result | Refusal | Defect


def sent(calculation: Calculation[Any]) -> list[memoryview]:
    """What the process reads: the number of parts, their lengths, and the parts. Arrays are not copied."""
    arrays: list[pickle.PickleBuffer] = []
    head = pickle.dumps(calculation, protocol=5, buffer_callback=arrays.append)
    parts = [memoryview(head), *(array.raw() for array in arrays)]
    lengths = b"".join(len(part).to_bytes(_LENGTH_BYTES, "big") for part in parts)
    return [memoryview(len(parts).to_bytes(_LENGTH_BYTES, "big") + lengths), *parts]


def received(source: BinaryIO) -> Calculation[Any] | None:
    """None when the server went away before it had sent everything."""
    try:
        lengths = [_number(source) for _ in range(_number(source))]
        parts = [_exactly(source, length) for length in lengths]
    except EOFError:
        return None
    calculation: Calculation[Any] = pickle.loads(parts[0], buffers=parts[1:])  # noqa: S301  # from our own server
    return calculation


def _number(source: BinaryIO) -> int:
    return int.from_bytes(_exactly(source, _LENGTH_BYTES), "big")


def _exactly(source: BinaryIO, length: int) -> bytearray:
    read = bytearray(length)
    view = memoryview(read)
    while view:
        count = source.readinto(view)  # type: ignore[attr-defined]  # standard input's buffer has it
        if not count:
            raise EOFError
        view = view[count:]
    return read
