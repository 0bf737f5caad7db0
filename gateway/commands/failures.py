"""Failures of a command: one sentence and exit status 1, never a traceback."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console

from gateway.embedded import EmbeddedError
from persistence.errors import DatabaseUnavailable, UnsafeRole
from resolvers.errors import DomainError

P = ParamSpec("P")
T = TypeVar("T")


class Failure(Exception):
    """What stops a command; the message says what to do next."""


def failures_as_sentences(command: Callable[P, T]) -> Callable[P, T]:
    """Wraps a command so that what its user can mend is printed as a sentence."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except (Failure, EmbeddedError, UnsafeRole, DomainError) as error:
            sentence = str(error)
        except DatabaseUnavailable as error:
            sentence = (
                f"The database cannot be reached ({error}): see that it runs and that PODGRAPH_DATABASE__URL is right."
            )
        except ValidationError as error:
            sentence = "; ".join(
                _setting(tuple(map(str, problem["loc"])), problem["msg"]) for problem in error.errors()
            )
        except OSError as error:
            sentence = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}."
        Console(stderr=True, soft_wrap=True).print(f"[red]{sentence}[/]", highlight=False)
        raise typer.Exit(1)

    return wrapped


def _setting(location: tuple[str, ...], message: str) -> str:
    name = "__".join(location).upper()
    return f"PODGRAPH_{name}: {message}" if name else message
