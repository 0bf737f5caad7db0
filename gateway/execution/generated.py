"""Generated code: for one selection set, the function from a level's records to its response maps.

    { id title podcast { title } }, of Episode, becomes

    def made(key0, key1, complete1, key2):
        def build(records, column0):
            rows = []
            add = rows.append
            for record, value2 in zip(records, column0):
                value0 = f'epi_{record.id}'
                value1 = record.title
                if not (type(value1) is str):
                    value1 = complete1(value1)
                add({key0: value0, key1: value1, key2: value2})
            return rows
        return build

What a client wrote is never source: response keys are arguments of `made`. The text has what the schema's own code
says, and so selection sets of one kind share it, whatever their keys are, and it is compiled once.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
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
    """`build`, its text, and the response keys and type names that are bound to the text's names."""

    build: Build
    text: str
    constants: Mapping[str, str]


class Generator:
    """Makes functions; the texts that were compiled last are kept, at most `most`."""

    def __init__(self, most: int = MOST_TEXTS) -> None:
        self._most = most
        self._made: OrderedDict[str, Callable[..., Build]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._made)

    def generated(self, fields: Mapping[str, Field]) -> Generated:
        """The function for these fields, by response key; its columns are in the order of the fields."""
        constants: dict[str, str] = {}
        functions: dict[str, Any] = {}
        lines: list[str] = []
        columns: list[str] = []
        pairs: list[str] = []
        for number, (key, field) in enumerate(fields.items()):
            value = f"value{number}"
            constants[f"key{number}"] = key
            pairs.append(f"key{number}: {value}")
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
        text = _text([*constants, *functions], lines, columns, pairs)
        return Generated(self._compiled(text)(**constants, **functions), text, constants)

    def _compiled(self, text: str) -> Callable[..., Build]:
        made = self._made.get(text)
        if made is None:
            names: dict[str, Any] = dict(_GIVEN)
            exec(compile(text, "<compiled selection>", "exec"), names)  # noqa: S102  # the schema's text, no client's
            made = self._made[text] = names["made"]
            if len(self._made) > self._most:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(text)
        return made


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


def _text(bound: list[str], lines: list[str], columns: list[str], pairs: list[str]) -> str:
    given = [f"column{number}" for number in range(len(columns))]
    each = f"record, {', '.join(columns)} in zip(records, {', '.join(given)})" if columns else "record in records"
    return "\n".join(
        [
            f"def made({', '.join(bound)}):",
            f"    def build({', '.join(['records', *given])}):",
            "        rows = []",
            "        add = rows.append",
            f"        for {each}:",
            *(f"            {line}" for line in lines),
            f"            add({{{', '.join(pairs)}}})",
            "        return rows",
            "    return build",
        ]
    )
