"""The demo's user, tenant and API key.

The graph shows a key once, so the data directory keeps this one to show it again.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.demo.content import demo_content
from gateway.demo.events import ensure_events
from gateway.demo.runs import ensure_runs
from gateway.demo.seed import seed_content, size
from gateway.development import DEMO_EMAIL, DamagedFile, development_secrets, write_private
from persistence.ids import TenantId
from persistence.repositories.accounts import Accounts
from persistence.repositories.billing import BillingSubscriptions
from persistence.repositories.podcasts import PodcastFilter, Podcasts
from persistence.repositories.tenants import ApiKeys
from resolvers.billing.changing import put_on_plan
from resolvers.billing.plans import PlanName
from resolvers.context import RequestContext, Services
from resolvers.errors import Conflict
from resolvers.identity.accounts import Registration, register
from resolvers.identity.api_keys import NewApiKey, create_api_key
from resolvers.identity.secrets import secret_hash
from resolvers.identity.sessions import LoginCredentials, login
from resolvers.identity.tenants import NewTenant, create_tenant
from resolvers.policy import Scope

_ADDRESS = "demo"
"""Stands for the network address of whoever runs the command."""


class DemoAccount(msgspec.Struct, frozen=True):
    email: str
    password: str
    tenant_id: TenantId
    api_key: str


def demo_account(data_dir: Path) -> DemoAccount | None:
    """The demo's account, if the data directory has one. Raises OSError, DamagedFile."""
    try:
        return msgspec.json.decode(_file(data_dir).read_bytes(), type=DemoAccount)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise DamagedFile(f"{_file(data_dir)} is damaged: delete it and start again, which makes a new key.") from error


async def ensure_demo(services: Services, data_dir: Path, progress: Callable[[int, int], None]) -> DemoAccount:
    """The demo's account, made with its content where it is missing; what an earlier attempt left half done goes on.

    `progress` is called with the number of objects written so far and of all.
    """
    account = demo_account(data_dir)
    if account is None or not await _works(services, account):
        account = await _made(services, data_dir, progress)
    await _ensure_plan(services, account.tenant_id)
    await ensure_events(services.database, services.intake, account.tenant_id, demo_content(), progress)
    await ensure_runs(services, account.tenant_id)
    return account


async def _made(services: Services, data_dir: Path, progress: Callable[[int, int], None]) -> DemoAccount:
    password = development_secrets(data_dir).demo_password
    context = await _signed_in(services, password)
    tenant_id = context.viewer.tenant_id if context.viewer else None
    if tenant_id is None:
        tenant, _ = await create_tenant(context, NewTenant(name="Demo Network"))
        tenant_id = tenant.id
    await _ensure_content(services, tenant_id, progress)
    _, api_key = await create_api_key(context, NewApiKey(name="Demo", scopes=list(Scope)))
    account = DemoAccount(email=DEMO_EMAIL, password=password, tenant_id=tenant_id, api_key=api_key)
    write_private(_file(data_dir), msgspec.json.encode(account))
    return account


async def _works(services: Services, account: DemoAccount) -> bool:
    """Whether the database still knows the user and the key; it may be another one than the file was written for."""
    async with services.database.read_account() as session:
        user = await Accounts(session).credentials(account.email, _ADDRESS)
    async with services.database.read(account.tenant_id) as session:
        return user is not None and await ApiKeys(session).live(secret_hash(account.api_key)) is not None


async def _signed_in(services: Services, password: str) -> RequestContext:
    context = RequestContext(services, None, _ADDRESS)
    try:
        await register(context, Registration(email=DEMO_EMAIL, name="Demo User", password=password))
    except Conflict:
        await _set_password(services, password)
        await login(context, LoginCredentials(email=DEMO_EMAIL, password=password))
    return context


async def _set_password(services: Services, password: str) -> None:
    """Gives the demo's user this password, should it have another one because the data directory's secrets are new."""
    passwords = services.identity.passwords
    async with services.database.write_account() as session:
        accounts = Accounts(session)
        known = await accounts.credentials(DEMO_EMAIL, _ADDRESS)
        if known is not None and not await passwords.matches(password, known.password_hash):
            await accounts.replace_password_hash(known.user_id, known.password_hash, await passwords.hashed(password))


async def _ensure_content(services: Services, tenant_id: TenantId, progress: Callable[[int, int], None]) -> None:
    async with services.database.read(tenant_id) as session:
        podcasts = Podcasts(session)
        if await podcasts.count(PodcastFilter()):
            return
    content = demo_content()
    total, written = size(content), 0

    def advance(count: int) -> None:
        nonlocal written
        written += count
        progress(written, total)

    await seed_content(services.database, tenant_id, content, advance)


async def _ensure_plan(services: Services, tenant_id: TenantId) -> None:
    """Room for what one tries out on the demo; a plan that somebody has chosen there since is left alone."""
    async with services.database.read(tenant_id) as session:
        if await BillingSubscriptions(session).found() is not None:
            return
    await put_on_plan(services, tenant_id, PlanName.BUSINESS)


def _file(data_dir: Path) -> Path:
    return data_dir / "demo.json"
