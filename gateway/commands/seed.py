"""`podgraph seed`: a demo tenant with invented shows and campaigns, the same on every machine."""

import asyncio

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from gateway.commands.database import migrated
from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.demo.account import DemoAccount, ensure_demo
from gateway.development import with_development_secrets
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.settings import Environment, Settings


@failures_as_sentences
def seed_command() -> None:
    """Make the demo's login, API key and content; running it again changes nothing."""
    settings = with_development_secrets(Settings())
    if settings.environment is Environment.PRODUCTION:
        raise Failure("The demo is for development: PODGRAPH_ENVIRONMENT is production.")
    with database_settings(settings) as running:
        if settings.database.url is None:  # the embedded database is ours to bring up to date
            asyncio.run(migrated(running))
        account = asyncio.run(seeded(running))
    Console().print(f"Login {account.email} with {account.password}; API key {account.api_key}", soft_wrap=True)


async def seeded(settings: Settings) -> DemoAccount:
    """The demo's account; a progress bar is shown while there is something to write."""
    columns = (TextColumn("Seeding the demo"), BarColumn(), MofNCompleteColumn(), TextColumn("objects"))
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("seed", total=None, visible=False)
        async with open_process(settings, Drain()) as process:
            return await ensure_demo(
                process.services,
                settings.data_dir,
                lambda written, total: bar.update(task, completed=written, total=total, visible=True),
            )
