"""`podgraph cache`: what the serving processes keep, and filling it before anybody asks."""

import typer

from gateway.commands.cache_stats import stats_command
from gateway.commands.cache_warm import warm_command


def cache_commands() -> typer.Typer:
    """The `cache` commands."""
    app = typer.Typer(name="cache", help="What the serving processes keep.", no_args_is_help=True)
    app.command("stats")(stats_command)
    app.command("warm")(warm_command)
    return app
