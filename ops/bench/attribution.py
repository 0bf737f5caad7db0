"""How long `podgraph attribute` takes, and how much memory, by the number of paths."""

import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

SIZES: Final = (10_000, 100_000, 1_000_000)
MODELS: Final = ("FIRST_TOUCH", "LAST_TOUCH", "LINEAR", "POSITION_BASED", "MARKOV", "SHAPLEY")
NODES: Final = 20

_LENGTHS: Final = (4, 5, 5, 5, 5, 5, 6, 6, 6, 7)
_WRITTEN_AT_ONCE: Final = 10_000
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system counts a resident set."""


class Measured(msgspec.Struct, frozen=True):
    """One run of the command, from its start to its end: reading the file and printing the credits included."""

    model: str
    paths: int
    seconds: float
    """Wall time."""
    peak_bytes: int
    """Largest resident set."""


class BenchFailed(Exception):
    """The command under test did not do its work; the message has its words."""


def measurements(
    program: Sequence[str], folder: Path, seed: int, sizes: Sequence[int] = SIZES, models: Sequence[str] = MODELS
) -> Iterator[Measured]:
    """One measurement per size and model, as they are made; the files of paths are left in the folder."""
    for size in sizes:
        file = folder / f"paths-{size}.csv"
        write_paths(file, size, random.Random(seed))  # noqa: S311  # test data
        for model in models:
            yield _measured(program, file, size, model)


def write_paths(file: Path, size: int, source: random.Random) -> None:
    """So many distinct paths over 20 channels, 5.4 touches long on average.

    A path is the digits of a number, and numbers of one length do not repeat: nothing of what was written has to be
    remembered. A process inherits the peak of the one that starts it, so this one must stay small.
    """
    names = [f"channel {number:02d}" for number in range(1, NODES + 1)]
    steps = {length: _coprime(source, NODES**length) for length in set(_LENGTHS)}
    starts = {length: source.randrange(NODES**length) for length in set(_LENGTHS)}
    lines = ["path,total_conversions,total_conversion_value,total_null\n"]
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        for number in range(size):
            length = _LENGTHS[number % len(_LENGTHS)]
            digits = (starts[length] + number * steps[length]) % NODES**length
            touches = []
            for _ in range(length):
                digits, digit = divmod(digits, NODES)
                touches.append(names[digit])
            conversions = source.randrange(1, 4)
            value = conversions * source.randrange(10_000) / 100
            lines.append(f"{' > '.join(touches)},{conversions},{value:.2f},{source.randrange(10)}\n")
            if len(lines) >= _WRITTEN_AT_ONCE:
                stream.writelines(lines)
                lines.clear()
        stream.writelines(lines)


def _coprime(source: random.Random, modulus: int) -> int:
    while math.gcd(step := source.randrange(1, modulus), modulus) > 1:
        pass
    return step


def _measured(program: Sequence[str], file: Path, size: int, model: str) -> Measured:
    command = [*program, "attribute", str(file), "--model", model, "--format", "json"]
    with (file.parent / "out").open("wb+") as out, (file.parent / "err").open("wb+") as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)  # noqa: S603  # our own
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)  # else Popen would wait for it again
        if process.returncode != 0:
            err.seek(0)
            words = err.read(2000).decode(errors="replace").strip()
            raise BenchFailed(f"podgraph attribute --model {model} ended with {process.returncode}: {words}")
        out.seek(0)
        credits = msgspec.json.decode(out.read(), type=_Printed)
    if credits.paths != size or round(sum(channel.conversions for channel in credits.channels)) != credits.conversions:
        raise BenchFailed(f"podgraph attribute --model {model} did not credit every conversion of the file")
    return Measured(model, size, seconds, usage.ru_maxrss * _RSS_UNIT)


class _Channel(msgspec.Struct, frozen=True):
    conversions: float


class _Printed(msgspec.Struct, frozen=True):
    paths: int
    conversions: int
    channels: list[_Channel]
