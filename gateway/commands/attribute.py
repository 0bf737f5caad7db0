"""`podgraph attribute`: any attribution model on a file of aggregated paths."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.commands.failures import Failure, failures_as_sentences
from resolvers.errors import InvalidInput

if TYPE_CHECKING:
    from gateway.commands.path_file import PathFile
    from resolvers.attribution.registry import ChosenModel


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


class Attribution(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole answer. Figures have 12 decimals; those of the channels sum exactly to the totals."""

    model: str
    version: int
    parameters: dict[str, str]
    paths: int
    conversions: int
    channels: list[dict[str, str | Decimal]]
    """By name: channel, conversions, share (of all conversions), value, and what the model knows of it."""
    value: Decimal | None = None


@failures_as_sentences
def attribute_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PATHS.csv",
            help="Columns path (touches separated by >, oldest first), total_conversions, and if there are any"
            " total_conversion_value and total_null. May be gzip; - reads standard input.",
        ),
    ],
    model: Annotated[str, typer.Option(help="FIRST_TOUCH, LAST_TOUCH, LINEAR, POSITION_BASED, MARKOV, SHAPLEY, …")],
    parameter: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Such as firstShare=0.3; may be repeated.")
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="How to print the credits.")] = Format.TABLE,
) -> None:
    """Divide the conversions of a file of paths among its channels; exact, and the same for the same file."""
    from gateway.commands.path_file import read_paths  # noqa: PLC0415  # other commands start without numpy

    model_chosen = _chosen(model, parameter or [])
    paths = read_paths(source)
    done = _attribution(model_chosen, paths)
    notes = Console(stderr=True, soft_wrap=True)
    if model_chosen.model.needs_nulls and not paths.has_nulls:
        notes.print("There is no column total_null: only journeys that converted count.")
    if paths.values_astray:
        notes.print(f"{paths.values_astray:,} paths have a value but no conversion: this value is left out.")
    if output is Format.JSON:
        typer.echo(msgspec.json.format(msgspec.json.Encoder(decimal_format="number").encode(done)))
    else:
        Console().print(_table(done))


def _chosen(kind: str, assignments: list[str]) -> "ChosenModel":
    from resolvers.attribution.registry import chosen, models  # noqa: PLC0415  # likewise

    parameters = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or name in parameters:
            raise Failure(f"--parameter {assignment}: write it as name=value, and each name once.")
        parameters[name] = value
    try:
        model_chosen = chosen(kind.upper().replace("-", "_"), None, parameters)
    except InvalidInput as error:
        option = f"--model {kind}" if error.path == ("kind",) else f"--parameter {error.path[-1]}"
        raise Failure(f"{option}: {error.message}") from error
    if model_chosen.model.needs_ages:
        others = ", ".join(name for name, model in models().items() if not model.needs_ages)
        raise Failure(
            f"{model_chosen.kind} needs the time of every touch, which a file of counted paths does not have:"
            f" choose one of {others}."
        )
    return model_chosen


def _attribution(model: "ChosenModel", paths: "PathFile") -> Attribution:
    from gateway.commands.path_file import VALUE  # noqa: PLC0415  # likewise
    from resolvers.attribution.exact import PLACES, allocated, decimal, proportional, shares  # noqa: PLC0415  # likewise

    credits = model.credits(paths.counts)
    total = sum(paths.counts.values[VALUE].tolist()) * 10 ** (PLACES - paths.value_places)
    columns: dict[str, Sequence[str | Decimal]] = {
        "channel": paths.channels,
        "conversions": credits.conversions,
        "share": shares(credits.conversions),
    }
    if paths.has_values:
        columns["value"] = [decimal(units) for units in allocated(total, proportional(credits.values[VALUE]))]
    if credits.weights is not None:
        columns[_camel(model.model.weight or "weight")] = credits.weights
    channels = [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]
    return Attribution(
        model=model.kind,
        version=model.version,
        parameters=dict(model.parameters),
        paths=len(paths.counts.conversions),
        conversions=sum(paths.counts.conversions.tolist()),
        channels=sorted(channels, key=lambda channel: channel["conversions"], reverse=True),
        value=decimal(total) if paths.has_values else None,
    )


def _table(done: Attribution) -> Table:
    parameters = "".join(f", {name} {value}" for name, value in done.parameters.items())
    table = Table(title=f"{done.model}{parameters}: {done.paths:,} paths", show_footer=True)
    totals = {"channel": "total", "conversions": f"{done.conversions:,}", "share": "1"}
    if done.value is not None:
        totals["value"] = _figure(done.value)
    for column in done.channels[0]:
        justify: Literal["left", "right"] = "left" if column == "channel" else "right"
        table.add_column(_words(column), totals.get(column, ""), justify=justify, overflow="fold")
    for channel in done.channels:
        table.add_row(*(_printable(cell) if isinstance(cell, str) else _figure(cell) for cell in channel.values()))
    return table


def _camel(words: str) -> str:
    first, *rest = words.split()
    return first + "".join(word.capitalize() for word in rest)


def _words(camel: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in camel)


def _figure(figure: Decimal) -> str:
    return f"{figure:,.6f}"


def _printable(name: str) -> Text:
    """The name without control characters, which a terminal would obey, and not read as markup."""
    return Text("".join(character if character.isprintable() else "\ufffd" for character in name))
