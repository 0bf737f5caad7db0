"""`podgraph`: every command, one line each. The commands themselves are in `gateway.commands`."""

from collections import UserDict
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

_COMMANDS: Final = {
    "up": "up.up_command",
    "serve": "serve.serve_command",
    "migrate": "database.migrate_command",
    "seed": "seed.seed_command",
    "import-feed": "feeds.import_feed_command",
    "ingest": "ingest.ingest_command",
    "plan": "plan.plan_command",
    "retention": "retention.retention_command",
    "attribute": "attribute.attribute_command",
    "explain": "explain.explain_command",
}
_GROUPS: Final = {
    "schema": "schema.schema_commands",
    "cost": "cost.cost_commands",
    "cache": "cache.cache_commands",
    "documents": "documents.documents_commands",
    "bench": "bench.bench_commands",
}
"""Where in `gateway.commands` each is; a group is a function that makes its typer app."""


class _LoadedWhenRun(UserDict[str, Any]):
    """Commands by name, from their places; only what is asked for is imported, since all take more than a second."""

    def __getitem__(self, name: str) -> Any:
        module, _, function = super().__getitem__(name).rpartition(".")
        found = getattr(import_module(f"gateway.commands.{module}"), function)
        if name in _GROUPS:
            return get_group(found())
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        return get_command(alone)


class _Podgraph(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _LoadedWhenRun({**_COMMANDS, **_GROUPS})


app = typer.Typer(
    name="podgraph",
    help="One GraphQL graph over podcasts, advertising campaigns and attribution.",
    cls=_Podgraph,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _podgraph() -> None:
    """Nothing of its own: without a callback, typer wants commands to be there."""
