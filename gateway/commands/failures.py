"""Failures of a command: one sentence and exit status 1, never a traceback."""

import functools
from collections.abc import Callable
from itertools import takewhile
from typing import ParamSpec, TypeVar

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.text import Text

from gateway.development import DamagedFile
from gateway.embedded import EmbeddedError
from gateway.settings import IncompleteSettings
from ops.telemetry.logging import errors_alone
from persistence.errors import DatabaseUnavailable, PendingMigrations, UnsafeRole
from resolvers.errors import DomainError

P = ParamSpec("P")
T = TypeVar("T")


class Failure(Exception):
    """What stops a command; the message says what to do next. Printed as it is: it may begin with a file's name."""


_SENTENCES = (DamagedFile, IncompleteSettings, EmbeddedError, UnsafeRole, PendingMigrations, DomainError)
"""Errors whose message is a sentence for whoever runs a command."""


def failures_as_sentences(command: Callable[P, T]) -> Callable[P, T]:
    """Wraps a command so that what its user can mend is printed as a sentence."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with errors_alone():
                return command(*args, **kwargs)
        except Failure as error:
            raise _printed(str(error)) from None
        except _SENTENCES as error:
            sentence = str(error)
        except DatabaseUnavailable as error:
            sentence = (
                f"The database cannot be reached ({error}): see that it runs and that PODGRAPH_DATABASE__URL is right."
            )
        except ValidationError as error:
            problems = [_setting(problem["loc"], problem["msg"]) for problem in error.errors()]
            sentence = "; ".join(dict.fromkeys(problems)) + "."
        except SettingsError as error:  # a group of settings, such as PODGRAPH_HTTP, that is no JSON
            sentence = f"The environment's PODGRAPH_ variables cannot be read: {error}."
        except OSError as error:
            sentence = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}."
        raise _printed(f"{sentence[:1].upper()}{sentence[1:]}")

    return wrapped


def _printed(sentence: str) -> typer.Exit:
    """What ends the command, once the sentence is told."""
    Console(stderr=True, soft_wrap=True).print(Text(f"{sentence.rstrip('.')}.", style="red"))
    return typer.Exit(1)


def _setting(location: tuple[int | str, ...], message: str) -> str:
    """The problem with its variable; what pydantic adds to the location inside of a list or a union is left out."""
    names = list(takewhile(lambda part: isinstance(part, str) and part.isidentifier(), location))
    message = message.removeprefix("Value error, ")
    return f"PODGRAPH_{'__'.join(map(str, names)).upper()}: {message}" if names else message
