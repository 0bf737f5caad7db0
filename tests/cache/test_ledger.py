"""Tags, slots, and what a process knows of writes."""

from cache.last_writes import SharedSlots, hex_of, position_in
from cache.ledger import Ledger, slots_of
from cache.tags import ALL, SLOTS, WHOLE, normal, slot_of
from cache.written_rows import WrittenRows

ROW = (7, "podcasts", 5)


def written(*tags: tuple[int, str, int], at: int) -> Ledger:
    ledger = Ledger()
    ledger.written(normal(tags), at)
    return ledger


def test_slots_are_the_same_in_every_process() -> None:
    assert [slot_of(tag) for tag in (ROW, (7, "podcasts", WHOLE), (7, "podcasts", ALL), (0, "users", 5))] == [
        20_909,
        39_657,
        47_246,
        52_068,
    ]
    assert all(0 <= slot_of((1, "podcasts", row_id)) < SLOTS for row_id in range(1_000))


def test_slots_spread_rows() -> None:
    assert len({slot_of((1, "podcasts", row_id)) for row_id in range(10_000)}) > 9_000


def test_write_of_a_row_touches_the_whole() -> None:
    assert normal([ROW]) == {ROW, (7, "podcasts", WHOLE)}


def test_write_of_unknown_rows_names_no_row() -> None:
    assert normal([ROW, (7, "podcasts", ALL), (7, "episodes", 2)]) == {
        *((7, "podcasts", WHOLE), (7, "podcasts", ALL)),
        *((7, "episodes", WHOLE), (7, "episodes", 2)),
    }


def test_very_many_rows_are_all() -> None:
    assert normal((7, "podcasts", row_id) for row_id in range(1, 5_000)) == {
        (7, "podcasts", WHOLE),
        (7, "podcasts", ALL),
    }


def test_row_is_as_old_as_its_own_last_write() -> None:
    ledger = written(ROW, at=80)
    assert ledger.last_write([ROW]) == 80
    assert ledger.last_write([(7, "podcasts", WHOLE)]) == 80
    assert ledger.last_write([(7, "podcasts", 6)]) == 0
    assert ledger.last_write([(7, "episodes", WHOLE), (8, "podcasts", WHOLE)]) == 0


def test_write_of_all_rows_is_one_of_each() -> None:
    ledger = written((7, "podcasts", ALL), at=80)
    assert ledger.last_write([ROW]) == 80
    assert ledger.last_write([(8, "podcasts", 5)]) == 0


def test_write_of_nobody_knows_whose_rows_is_one_of_everybodys() -> None:
    ledger = written((0, "podcasts", ALL), at=80)
    assert ledger.last_write([ROW]) == 80
    assert ledger.pending(7) is False
    ledger.announced("w", normal([(0, "podcasts", 3)]))
    assert ledger.pending(7)
    assert not ledger.free([ROW])
    assert ledger.free([(7, "episodes", 5)])


def test_last_write_never_goes_back() -> None:
    ledger = written(ROW, at=80)
    ledger.written(normal([ROW]), 40)
    assert ledger.last_write([ROW]) == 80
    assert (ledger.floor(7), ledger.floor(8), ledger.floor(0)) == (80, 0, 80)


def test_announcement_counts_once_however_often_it_is_heard() -> None:
    ledger = Ledger()
    for _ in range(2):
        ledger.announced("one", normal([ROW]))
    ledger.announced("two", normal([ROW]))
    assert not ledger.quiet
    ledger.over("one")
    ledger.over("one")
    assert ledger.pending(7)
    assert not ledger.current([ROW], 1_000)
    assert ledger.current([(7, "podcasts", 6)], 1_000)
    ledger.over("two")
    assert ledger.quiet
    assert not ledger.pending(7)
    assert ledger.current([ROW], 0)


def test_what_was_written_before_is_read_from_what_redis_has() -> None:
    ledger = Ledger()
    text = bytearray(b"\0" * SLOTS * 24)
    for slot in slots_of(normal([ROW])):
        text[slot * 24 : slot * 24 + 24] = hex_of(3 << 64 | 0xABC).encode()
    ledger.learn(SharedSlots(bytes(text)), 3 << 64 | 0xABC)
    assert ledger.last_write([ROW]) == 3 << 64 | 0xABC
    assert ledger.last_write([(7, "podcasts", 6)]) == 0
    assert ledger.floor(7) == ledger.floor(0) == 3 << 64 | 0xABC
    ledger.written(normal([ROW]), 4 << 64)
    assert ledger.last_write([ROW]) == 4 << 64


def test_positions_are_sorted_as_texts_as_they_are_as_numbers() -> None:
    positions = [0, 8, 255, 1 << 40, 1 << 64, (1 << 64) + 8, (2**32 - 1) << 64]
    assert sorted(map(hex_of, positions)) == [hex_of(position) for position in positions]
    assert [position_in(hex_of(position).encode()) for position in positions] == positions
    assert position_in(b"") == position_in(b"\0" * 24) == 0


def test_rows_that_were_written_lately_are_known() -> None:
    ledger = Ledger()
    ledger.learn(lambda _: 0, 100)
    ledger.written(normal([ROW]), 108)
    ledger.written(normal([(7, "podcasts", 6)]), 116)
    ledger.written(normal([(8, "podcasts", 7)]), 124)
    assert ledger.changed_rows(7, "podcasts", 100) == {5, 6}
    assert ledger.changed_rows(7, "podcasts", 108) == {6}
    assert ledger.changed_rows(7, "podcasts", 116) == set()
    assert ledger.changed_rows(7, "podcasts", 99) is None
    ledger.announced("w", normal([(7, "podcasts", 9)]))
    assert ledger.changed_rows(7, "podcasts", 108) == {6, 9, WHOLE}
    ledger.written(normal([(7, "podcasts", ALL)]), 132)
    assert ledger.changed_rows(7, "podcasts", 124) is None


def test_rows_that_were_written_are_forgotten_when_they_are_many() -> None:
    rows = WrittenRows()
    for number in range(70_000):
        rows.written(frozenset({(number % 5, "podcasts", number + 1)}), number + 1)
    assert rows.since(1, "podcasts", 10) is None
    assert rows.since(1, "podcasts", 70_000) == set()
    assert rows.since(4, "podcasts", 69_999) == {70_000}
