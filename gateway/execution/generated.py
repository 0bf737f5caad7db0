"""Generated code: for one selection set, the function from a level's records to its response maps.

    { id title podcast { title } }, of Episode, becomes

    def made(row, complete1):
        def build(records, column0):
            rows = []
            add = rows.append
            for record, value2 in zip(records, column0):
                value0 = f'epi_{record.id}'
                value1 = record.title
                if not (type(value1) is str):
                    value1 = complete1(value1)
                add(row(value0, value1, value2))
            return rows
        return build

`row` is a struct that is encoded under the response keys: made and encoded sooner than a dict, in a quarter of its
memory. What a client wrote is never source: response keys are data of that struct. The text has what the schema's own
code says, and so selection sets of one kind share it, whatever their keys are, and it is compiled once.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from gateway.execution.leaves import Leaf
from gateway.execution.plan import Build, Column, Plain, TypedId, TypeName

Field = Plain | TypedId | TypeName | Column

MOST_TEXTS: Final = 5_000
"""Compiled texts that are kept; clients choose among the attributes of records, so there is no end of them."""

_GIVEN: Final = {
    "__builtins__": {},
    "UTC": UTC,
    "date": date,
    "datetime": datetime,
    "float": float,
    "int": int,
    "str": str,
    "type": type,
    "zip": zip,
}
"""All that generated code can name, beside what is bound to it."""


class Generated(msgspec.Struct, frozen=True):
    """`build`, its text, and the type names that are bound to the text's names."""

    build: Build
    text: str
    constants: Mapping[str, str]


class Generator:
    """Makes functions; the texts that were compiled last are kept, at most `most`."""

    def __init__(self, most: int = MOST_TEXTS) -> None:
        self._made = lru_cache(most)(_compiled)

    def __len__(self) -> int:
        return self._made.cache_info().currsize

    def generated(self, fields: Mapping[str, Field]) -> Generated:
        """The function for these fields, by response key; its columns are in the order of the fields."""
        constants: dict[str, str] = {}
        functions: dict[str, Any] = {}
        lines: list[str] = []
        columns: list[str] = []
        for number, field in enumerate(fields.values()):
            value = f"value{number}"
            match field:
                case TypeName(name):
                    constants[f"type{number}"] = name
                    lines.append(f"{value} = type{number}")
                case TypedId(prefix):
                    lines.append(f"{value} = f'{prefix}_{{record.id}}'")
                case Plain(attribute, leaf):
                    lines.append(f"{value} = record.{attribute}")
                    lines.extend(_completion(value, number, leaf, functions))
                case Column():
                    columns.append(value)
        text = _text([*constants, *functions], lines, columns, len(fields))
        return Generated(self._made(text)(row=_row(tuple(fields)), **constants, **functions), text, constants)


def _compiled(text: str) -> Callable[..., Build]:
    names: dict[str, Any] = dict(_GIVEN)
    exec(compile(text, "<compiled selection>", "exec"), names)  # noqa: S102  # the schema's text, no client's
    made: Callable[..., Build] = names["made"]
    return made


def _row(keys: tuple[str, ...]) -> type[msgspec.Struct]:
    """What is encoded as an object with these keys, in their order."""
    names = [f"value{number}" for number in range(len(keys))]
    # Nothing in a response leads back to where it is: the garbage collector has nothing to look for.
    return msgspec.defstruct(
        "Row", [(name, Any) for name in names], rename=dict(zip(names, keys, strict=True)), gc=False
    )


def _completion(value: str, number: int, leaf: Leaf, functions: dict[str, Any]) -> list[str]:
    functions[f"complete{number}"] = leaf.complete
    complete = f"{value} = complete{number}({value})"
    if leaf.names is not None:
        functions[f"names{number}"] = leaf.names
        return [f"{value} = names{number}.get({value}) or complete{number}({value})"]
    if leaf.plain is None:
        return [complete]
    other = f"not ({leaf.plain.format(value=value)})"
    return [f"if {value} is not None and {other}:" if leaf.nullable else f"if {other}:", f"    {complete}"]


def _text(bound: list[str], lines: list[str], columns: list[str], count: int) -> str:
    given = [f"column{number}" for number in range(len(columns))]
    each = f"record, {', '.join(columns)} in zip(records, {', '.join(given)})" if columns else "record in records"
    return "\n".join(
        [
            f"def made({', '.join(['row', *bound])}):",
            f"    def build({', '.join(['records', *given])}):",
            "        rows = []",
            "        add = rows.append",
            f"        for {each}:",
            *(f"            {line}" for line in lines),
            f"            add(row({', '.join(f'value{number}' for number in range(count))}))",
            "        return rows",
            "    return build",
        ]
    )
