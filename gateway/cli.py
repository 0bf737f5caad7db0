"""`podgraph`: every command, one line each. The commands themselves are in `gateway.commands`."""

import typer

from gateway.commands.database import migrate_command
from gateway.commands.feeds import import_feed_command
from gateway.commands.schema import schema_commands

app = typer.Typer(
    name="podgraph",
    help="One GraphQL graph over podcasts, advertising campaigns and attribution.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("migrate")(migrate_command)
app.command("import-feed")(import_feed_command)
app.add_typer(schema_commands(), name="schema")
