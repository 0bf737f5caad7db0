"""`podgraph up`: everything embedded, with a demo in it."""

import asyncio
import ipaddress
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from gateway.commands.database import migrated
from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings, refuse_second
from gateway.commands.seed import seeded
from gateway.commands.serve import refuse_taken_port, serve
from gateway.demo.account import DemoAccount
from gateway.development import with_development_secrets
from gateway.pages import DemoLogin
from gateway.serving import with_address
from gateway.settings import Environment, Settings

LOCAL_NAMES: Final = ("localhost", "*.localhost", "127.0.0.1", "::1")


@failures_as_sentences
def up_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 if left out.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on; 8000 if left out.")] = None,
    replicas: Annotated[
        int, typer.Option(min=0, max=4, help="Streaming replicas of PostgreSQL, to read from as far as they are new.")
    ] = 0,
) -> None:
    """Start PostgreSQL, migrate, seed a demo and serve, all on this machine; Ctrl-C stops everything."""
    settings = with_local_names(with_address(Settings(), host, port))
    if settings.environment is Environment.PRODUCTION:
        raise Failure("`podgraph up` is for development: in production use `podgraph migrate` and `podgraph serve`.")
    if replicas and settings.database.url is not None:
        raise Failure(
            "`--replicas` is for the embedded PostgreSQL: name those of your own in PODGRAPH_DATABASE__REPLICA_URLS,"
            " or unset PODGRAPH_DATABASE__URL."
        )
    refuse_taken_port(settings.http)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    refuse_second(settings)
    settings = with_development_secrets(settings)
    with database_settings(settings, replicas) as running:
        asyncio.run(migrated(running))
        account = asyncio.run(seeded(running))
        _print(Console(), running, account)
        serve(running, _shown(running, account))


def _shown(settings: Settings, account: DemoAccount) -> DemoLogin | None:
    """The login for the pages to fill in, but only where nobody else can open them."""
    return DemoLogin(email=account.email, password=account.password) if _on_loopback(settings.http.host) else None


def with_local_names(settings: Settings) -> Settings:
    """On loopback, answers to this machine's names alone, unless others are set.

    A page from elsewhere can give its own name our address (DNS rebinding), and would read the demo's login.
    """
    if settings.http.allowed_hosts or not _on_loopback(settings.http.host):
        return settings
    return settings.model_copy(update={"http": settings.http.model_copy(update={"allowed_hosts": LOCAL_NAMES})})


def _on_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name
        return False


def _print(console: Console, settings: Settings, account: DemoAccount) -> None:
    host = "localhost" if settings.http.host == "127.0.0.1" else settings.http.host
    base = f"http://{f'[{host}]' if ':' in host else host}:{settings.http.port}"
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_row("Start here", base)
    table.add_row("GraphiQL", f"{base}/graphiql")
    table.add_row("GraphQL", f"{base}/graphql")
    table.add_row("Demo login", f"{account.email}   {account.password}")
    table.add_row("API key", account.api_key)
    if replicas := len(settings.database.replica_urls):
        table.add_row("Database", f"PostgreSQL with {replicas} streaming {'replica' if replicas == 1 else 'replicas'}")
    table.add_row("Stop", "Ctrl-C; the data stays in " + str(settings.data_dir))
    console.print()
    console.print(table, soft_wrap=True, highlight=False)
    console.print()
