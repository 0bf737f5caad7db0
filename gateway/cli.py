"""`podgraph`: every command, one line each. The commands themselves are in `gateway.commands`."""

import typer

from gateway.commands.database import migrate_command
from gateway.commands.feeds import import_feed_command
from gateway.commands.schema import schema_commands
from gateway.commands.seed import seed_command
from gateway.commands.serve import serve_command
from gateway.commands.up import up_command

app = typer.Typer(
    name="podgraph",
    help="One GraphQL graph over podcasts, advertising campaigns and attribution.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("up")(up_command)
app.command("serve")(serve_command)
app.command("migrate")(migrate_command)
app.command("seed")(seed_command)
app.command("import-feed")(import_feed_command)
app.add_typer(schema_commands(), name="schema")
