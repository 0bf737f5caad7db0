"""Filters in two parts: their shape, which makes a statement, and their values, which it is sent with.

A repository's `matching` says what a filter means. It is asked with a filter of which the values are binds: it may ask
whether a field is None, and which way a flag stands, and must not look at anything else.
"""

from collections.abc import Collection, Hashable
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam

Shape = tuple[type[msgspec.Struct], tuple[Hashable, ...]] | None
"""A filter's type, and for each of its fields what is known of it; None: there is no filter."""

_BOUND: Final = "bound"


def parted(wanted: Any, fixed: Collection[str]) -> tuple[Shape, dict[str, Any]]:
    """The filter's shape and its values by the names of their binds; the fields in `fixed` are part of the shape."""
    if wanted is None:
        return None, {}
    marks: list[Hashable] = []
    values = {}
    for name in wanted.__struct_fields__:
        value = getattr(wanted, name)
        if value is None or isinstance(value, bool) or name in fixed:
            marks.append((value,))
        else:
            marks.append(_BOUND)
            values[f"wanted_{name}"] = value
    return (type(wanted), tuple(marks)), values


def bound(shape: Shape) -> Any:
    """The filter of the shape, with binds for its values."""
    if shape is None:
        return None
    kind, marks = shape
    named = zip(kind.__struct_fields__, marks, strict=True)
    return kind(**{name: bindparam(f"wanted_{name}") if mark == _BOUND else mark[0] for name, mark in named})  # type: ignore[index]  # a mark is _BOUND or a tuple
