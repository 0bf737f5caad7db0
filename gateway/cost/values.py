"""The values of arguments before they are coerced: literals of a document, and the JSON of its variables."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableNode,
)

Variables = Mapping[str, Any]
"""What the client sent, and the defaults of what it left out."""

Amount = int | Callable[[Variables], int]
"""A number that is known of the document alone, or that its variables say."""


class Absent(Enum):
    """Stands for the value of a variable that has none: as if the argument was not there."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

_LONGEST_INT: Final = 20
"""Digits; an Int has ten at most."""


def amount(value: Amount, variables: Variables) -> int:
    """The number."""
    return value if isinstance(value, int) else value(variables)


def summed(values: list[Amount], *, least: int | None = None) -> Amount:
    """The sum, known where all of it is; at least `least`."""
    known = sum(value for value in values if isinstance(value, int))
    unknown = [value for value in values if not isinstance(value, int)]
    if not unknown:
        return known if least is None else max(least, known)

    def total(variables: Variables) -> int:
        found = known + sum(value(variables) for value in unknown)
        return found if least is None else max(least, found)

    return total


def is_constant(node: ValueNode) -> bool:
    """Whether no variable is in it."""
    pending: list[ValueNode] = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, VariableNode):
            return False
        if isinstance(one, ListValueNode):
            pending.extend(one.values)
        elif isinstance(one, ObjectValueNode):
            pending.extend(field.value for field in one.fields)
    return True


def value_of(node: ValueNode, variables: Variables) -> Any:
    """What a node says, as JSON would: enumerations are text. ABSENT for a variable without a value."""
    value: Any = None
    if isinstance(node, VariableNode):
        value = variables.get(node.name.value, ABSENT)
    elif isinstance(node, IntValueNode) and len(node.value) <= _LONGEST_INT:
        value = int(node.value)
    elif isinstance(node, IntValueNode | FloatValueNode):
        value = float(node.value)
    elif isinstance(node, StringValueNode | EnumValueNode | BooleanValueNode):
        value = node.value
    elif isinstance(node, ListValueNode):
        items = [value_of(item, variables) for item in node.values]
        value = [None if item is ABSENT else item for item in items]
    elif isinstance(node, ObjectValueNode):
        fields = {field.name.value: value_of(field.value, variables) for field in node.fields}
        value = {name: inner for name, inner in fields.items() if inner is not ABSENT}
    return value
