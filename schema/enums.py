"""Enums of the graph: the domain's own, with a description for each value."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

import strawberry

E = TypeVar("E", bound=Enum)


def described(enum: type[E], description: str, values: Mapping[E, str], *, name: str | None = None) -> type[E]:
    """Registers a domain enum with the graph; every value must be described."""
    registered = strawberry.enum(enum, name=name, description=description)
    definition = registered.__strawberry_definition__  # type: ignore[attr-defined]  # set by strawberry.enum
    for value in definition.values:
        value.description = values[enum[value.name]]
    return registered
