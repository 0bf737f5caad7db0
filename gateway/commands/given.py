"""Documents and variables that a command line names, and how a command refuses what it cannot use."""

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer

from gateway.commands.schema import UNREADABLE

GivenDocument = Annotated[str, typer.Argument(metavar="QUERY", help="A file with a GraphQL document; - for the input.")]
GivenVariables = Annotated[
    Path | None, typer.Option("--variables", metavar="FILE", help="The variables' values, as a JSON object.")
]
GivenOperation = Annotated[
    str | None, typer.Option("--operation", metavar="NAME", help="Which operation, where there are more.")
]


def given_document(named: str) -> tuple[str, str]:
    """How messages call it, and the text; `-` is the standard input."""
    try:
        content = sys.stdin.buffer.read() if named == "-" else Path(named).read_bytes()
        return ("<input>" if named == "-" else named), content.decode()
    except OSError as error:
        refuse(f"{named} cannot be read: {error.strerror}.")
    except UnicodeDecodeError:
        refuse(f"{named} is not UTF-8 text.")


def given_variables(file: Path | None) -> dict[str, Any]:
    return {} if file is None else given_json(file, dict[str, Any], "an object of values by the variable's name")


def given_json(file: Path, type_: Any, words: str) -> Any:
    """The content of a file; `words` say what it should be."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=type_)
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror}.")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        refuse(f"{file} is not {words}, in JSON: {error}.")


def refuse(*lines: str) -> NoReturn:
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(UNREADABLE)
