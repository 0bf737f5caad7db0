"""Where last writes went, as Redis keeps them: 24 hex digits for each slot, so that later ones sort last."""

from typing import Final

from cache.tags import Position

_DIGITS: Final = 24


def hex_of(position: Position) -> str:
    return f"{position:0{_DIGITS}x}"


def position_in(text: bytes) -> Position:
    """Nothing, and bytes that were never written, are 0."""
    return int(text.strip(b"\0") or b"0", 16)


class SharedSlots:
    """Read one by one, when they are asked for: of 65,536, few ever are."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def __call__(self, slot: int) -> Position:
        return position_in(self._text[slot * _DIGITS : (slot + 1) * _DIGITS])
