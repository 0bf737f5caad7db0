"""`podgraph cost`: what documents cost, without a server, and weights from what queries take."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from gateway.commands.calibrate import calibrate_command
from gateway.commands.exit_codes import UsageGroup
from gateway.commands.given import (
    GivenDocument,
    GivenOperation,
    GivenVariables,
    given_document,
    given_json,
    given_variables,
    refuse,
)
from gateway.commands.schema import committed_snapshot
from gateway.cost.points import readable
from gateway.cost.quotes import tables
from gateway.cost.quotes.comparison import UnknownOperations, verdicts
from gateway.cost.quotes.price_list import PriceList, UnpricedSchema, complaints, graph_prices, sdl_prices
from gateway.documents.manifest import UnreadableManifest, manifest_from
from gateway.errors import RequestRejected
from gateway.schema_changes.baseline import BaselineUnavailable, baseline
from resolvers.billing.plans import PLANS, PlanName
from schema.graph import build_graph


def cost_commands() -> typer.Typer:
    """The `cost` commands."""
    app = typer.Typer(name="cost", help="What documents cost.", no_args_is_help=True, cls=UsageGroup)
    app.command("explain")(explain_command)
    app.command("check")(check_command)
    app.command("calibrate")(calibrate_command)
    return app


def explain_command(
    document: GivenDocument,
    variables: GivenVariables = None,
    operation: GivenOperation = None,
    plan: Annotated[PlanName | None, typer.Option(help="Fail unless the operation fits this plan.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The price of an operation, its bill, and what it means on each plan.

    A variable without a value and without a default is taken to be large: a number 1,000, a list 100 items; the output
    says so. Exit code: 0; 1 when it does not fit the plan that is named; 3 when the document or a file cannot be used;
    64 for a wrong command line.
    """
    origin, text = given_document(document)
    try:
        quote = graph_prices(build_graph()).quote(text, operation, given_variables(variables))
    except RequestRejected as error:
        refuse(*complaints(error, origin))
    chosen = list(PLANS.values()) if plan is None else [PLANS[plan]]
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(tables.quote_json(quote, chosen))))
    else:
        console = _console()
        console.print(tables.bill_table(quote.price.bill()))
        console.print(tables.plans_table(quote, chosen))
        named = f" {quote.name}" if quote.name else ""
        _say(console, f"The {quote.kind}{named} costs at most {readable(quote.cost)} points.")
        for words in quote.assumed:
            _say(console, f"Assumed: {words}.")
    if plan is not None and quote.refusal(PLANS[plan]) is not None:
        raise typer.Exit(1)


def check_command(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="Apollo's manifest, or Relay's.")],
    plan: Annotated[PlanName, typer.Option(help="The plan that all documents must fit.")],
    against: Annotated[
        str | None,
        typer.Option(metavar="REF_OR_FILE", help="Show prices by this SDL file, or the snapshot at this git ref, too."),
    ] = None,
    variables: Annotated[
        Path | None,
        typer.Option("--variables", metavar="FILE", help="JSON: an object of variables by the operation's name."),
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write the verdicts as Markdown.")
    ] = None,
) -> None:
    """Price every document of a manifest on a plan.

    A variable without a value has its default; without one it is taken to be large: a number 1,000, a list 100 items.
    The output says where a price rests on that. Exit code: 0 when all fit; 1 when one does not, or is not valid; 3 when
    a file or a schema cannot be used; 64 for a wrong command line.
    """
    before: PriceList | None = None
    try:
        documents = manifest_from(manifest)
        if against is not None:
            old = baseline(against, committed_snapshot())
            before = sdl_prices(old.sdl, old.origin)
        given = _variables_by_operation(variables)
        found = verdicts(documents, PLANS[plan], graph_prices(build_graph()), before=before, variables=given)
    except (UnreadableManifest, BaselineUnavailable, UnpricedSchema, UnknownOperations) as error:
        refuse(str(error))
    failed = sum(verdict.problem is not None for verdict in found)
    summary = f"{len(found) - failed} of {len(found)} operations fit {plan}"
    compared = before is not None
    summary += f"; compared with {old.origin}." if compared else "."
    console = _console()
    console.print(tables.verdict_table(found, compared=compared))
    for note in tables.notes_of(found):
        _say(console, f"Assumed for {note}.")
    _say(console, summary)
    if markdown_file is not None:
        _write(markdown_file, tables.verdict_markdown(found, summary, compared=compared))
    if failed:
        raise typer.Exit(1)


def _variables_by_operation(file: Path | None) -> dict[str, dict[str, Any]]:
    return (
        {} if file is None else given_json(file, dict[str, dict[str, Any]], "an object of variables by operation name")
    )


def _console() -> Console:
    # Not wrapped to 80 columns where no terminal says how wide it is: logs are searched by line.
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        refuse(f"{file} cannot be written: {error.strerror}.")
