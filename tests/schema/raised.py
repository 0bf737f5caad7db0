"""Which domain errors a function can raise, read from the code: its own and those of all functions that it names.

A function that is named counts as called, and a method counts as every method of that name in the modules looked at:
what is found may be a little too much, and is never too little.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, get_type_hints

from resolvers.errors import DomainError

Errors = frozenset[type[DomainError]]
PACKAGES = ("resolvers", "schema", "gateway.auth")
METHODS = ("resolvers", "gateway.auth")
"""Where methods are looked for by name."""


def raised(function: Callable[..., Any]) -> Errors:
    """The domain errors that leave the function, unless somebody on the way catches them."""
    found: set[type[DomainError]] = set()
    seen: set[FunctionType] = set()
    pending = [_plain(function)]
    while pending:
        current = pending.pop()
        if current is None or current in seen:
            continue
        seen.add(current)
        for value in _named(current):
            if isinstance(value, type) and issubclass(value, DomainError):
                found.add(value)
            else:
                pending.append(_plain(value))
    return frozenset(found)


def _named(function: FunctionType) -> Iterator[Any]:
    """Everything of ours that the function's body calls or names, and the errors that it raises."""
    body = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(body, ast.FunctionDef | ast.AsyncFunctionDef)
    local = function.__code__.co_varnames
    known = {name: value for name, value in function.__globals__.items() if name not in local}
    for node in (inner for statement in body.body for inner in ast.walk(statement)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            yield _error(_value(node.exc.func if isinstance(node.exc, ast.Call) else node.exc, known))
        elif isinstance(node, ast.Name | ast.Attribute):
            value = _value(node, known)
            if isinstance(value, FunctionType):
                yield value
            elif value is None and isinstance(node, ast.Attribute):
                yield from _methods().get(node.attr, ())


def _value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """What a name or `module.name` stands for; None for what only a run would tell."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _value(node.value, known)
        return getattr(owner, node.attr, None) if isinstance(owner, ModuleType | type) else None
    return None


def _error(value: Any) -> Any:
    """The class that is raised: named itself, or made by a function that says so in its annotation."""
    return get_type_hints(value).get("return") if isinstance(value, FunctionType) else value


def _plain(value: Any) -> FunctionType | None:
    function = inspect.unwrap(value) if callable(value) else None
    return function if isinstance(function, FunctionType) and function.__module__.startswith(PACKAGES) else None


@cache
def _methods() -> dict[str, list[FunctionType]]:
    """Every method of every class there, by name."""
    found: dict[str, list[FunctionType]] = {}
    for module in [module for name, module in sys.modules.items() if name.startswith(METHODS)]:
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__:
                for name, member in vars(value).items():
                    if isinstance(member, FunctionType) and not name.startswith("__"):
                        found.setdefault(name, []).append(member)
    return found
