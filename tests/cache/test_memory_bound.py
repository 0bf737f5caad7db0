"""That the memory tier holds its bound under a million distinct keys: by what Python's allocator has given out."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.no_cover

PROGRAM = """
import random, sys, time, tracemalloc
from datetime import UTC, datetime, timedelta
import msgspec
from cache.kinds import Kind
from cache.memory import Memory
from cache.statistics import CacheStatistics

shape, keys = sys.argv[1], int(sys.argv[2])
bound = 24 << 20
begin = datetime(2026, 1, 1, tzinfo=UTC)
chance = random.Random(1)

class Row(msgspec.Struct, frozen=True, gc=False):
    id: int
    title: str
    url: str
    created_at: datetime
    amount: int
    share: float
    note: str | None

class Short(msgspec.Struct, frozen=True, gc=False):
    id: int
    title: str

def short(key):
    return Short(key, "t" * chance.randint(5, 60))

def row(key):
    return Row(key, "t" * chance.randint(5, 60), f"https://feeds.example.com/{key}", begin + timedelta(seconds=key),
               10**6 + key, key / 7, None if key % 2 else "n" * (key % 200))

def several(key):
    return [row(key + index) for index in range(20)]

batch = 1 if shape in ("single rows", "lists") else 100
make = {"lists": several, "short rows": short}.get(shape, row)
type_ = {"lists": list[Row], "short rows": Short}.get(shape, Row)
kind = Kind("rows", type_, table=None if shape == "lists" else "rows")
encoder = msgspec.msgpack.Encoder()
decode = msgspec.msgpack.Decoder(type_).decode
memory = Memory(bound, CacheStatistics(), time.monotonic, random.random)
raws = [encoder.encode(make(key)) for key in range(10_000)]
tracemalloc.start()
before = tracemalloc.get_traced_memory()[0]
worst, least = 0.0, 9.9
for first in range(1, keys + 1, batch):
    names = list(range(first, first + batch))
    some = raws[first % 10_000 - 1 :][:batch]
    memory.put(memory.shelf(kind, 1 + first % 3), names, list(map(decode, some)), list(map(len, some)))
    if first % (keys // 20) < batch and memory.bytes > 0.9 * bound:
        taken = (tracemalloc.get_traced_memory()[0] - before) / bound
        worst, least = max(worst, taken), min(least, taken)
print(worst, least)
"""


@pytest.mark.parametrize(
    ("shape", "keys"), [("short rows", 1_000_000), ("rows", 150_000), ("single rows", 40_000), ("lists", 5_000)]
)
def test_bound_is_held_within_five_percent(shape: str, keys: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, shape, str(keys)], capture_output=True, text=True, timeout=300, check=True
    )
    worst, least = map(float, done.stdout.split())
    assert worst <= 1.05
    assert least >= 0.5, "memory is wasted: what values take is estimated too high"
