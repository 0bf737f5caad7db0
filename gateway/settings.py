"""Every setting, frozen: one nested class per concern. Environment variables are `PODGRAPH_<CONCERN>__<NAME>`.

Only this folder reads the environment; everything below receives values.
"""

import re
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from resolvers.billing.plans import PlanName

Network = IPv4Network | IPv6Network
_SHORTEST_KEY = 32
"""Bytes; HS256 wants no fewer (RFC 7518, section 3.2)."""
Words = Annotated[tuple[str, ...], NoDecode]
"""Comma-separated in the environment."""


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class _Concern(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Http(_Concern):
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    allowed_hosts: Words = ()
    """Names in the Host header that are answered; none means all."""
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    """Networks whose X-Forwarded-* headers are believed."""
    require_https: bool = False
    """Redirects plain HTTP and sends Strict-Transport-Security; for use behind a proxy that ends TLS."""
    cors_origins: Words = ()
    """Origins whose pages may call the API from a browser."""
    metrics_token: SecretStr | None = Field(None, min_length=16)
    """What `/metrics` asks for as a bearer token; without one, it answers this machine alone."""
    get_requires_preflight: bool = False
    """Refuses every GET of GraphQL without a header that a cross-site page cannot send."""
    body_bytes: int = Field(1024 * 1024, ge=1024)
    batch_items: int = Field(20, ge=1)
    drain_seconds: float = Field(5.0, ge=0)
    """How long /readyz says 503 before the server stops listening."""
    graceful_seconds: int = Field(30, ge=1)
    """How long requests in flight may take after that."""
    operation_seconds: float = Field(30.0, gt=0)
    """How long one operation may take."""

    @field_validator("allowed_hosts", "trusted_proxies", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _words(value)


class DatabaseSettings(_Concern):
    url: str | None = None
    """Of the application's role, `postgresql+asyncpg://…`; none means the embedded server."""
    owner_url: str | None = None
    """Of the role that owns the tables; only migrations use it."""
    pool_size: int = Field(16, ge=1)
    """Connections per process for requests; attribution runs have four of their own."""
    statement_seconds: float = Field(10.0, gt=0)
    replica_urls: Words = ()
    """Of the application's role on each streaming replica; reads go there when they are new enough."""
    lag_seconds: float = Field(5.0, gt=0)
    """A replica that lags further behind gets no reads."""
    sticky_seconds: float = Field(5.0, gt=0)
    """For databases without WAL functions: how long after a write a tenant's reads stay on the primary."""

    @field_validator("replica_urls", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _words(value)

    @field_validator("url", "owner_url")
    @classmethod
    def _of_asyncpg(cls, url: str | None) -> str | None:
        if url is not None:
            _refuse_foreign(url)
        return url

    @field_validator("replica_urls")
    @classmethod
    def _all_of_asyncpg(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            _refuse_foreign(url)
        return urls


class RedisSettings(_Concern):
    url: str | None = None
    """None means the store inside the process, which only this process sees."""

    @field_validator("url")
    @classmethod
    def _of_redis(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("begins with redis://, rediss:// or unix://")
        return url


class CacheSettings(_Concern):
    enabled: bool = True
    memory_mib: int = Field(128, ge=1)
    """What the memory tier of a process may hold, in MiB."""
    seconds: float = Field(300.0, gt=0)
    """How long a value may be kept, give or take a tenth; what is written is gone at once."""


class Auth(_Concern):
    signing_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """The first signs access tokens, all verify them: put a new one in front to rotate. 32 bytes or more each."""
    hash_key: SecretStr | None = None
    """Keys the hashes of addresses; changing it forgets which addresses are known."""
    access_token_seconds: int = Field(900, ge=60)
    refresh_token_days: int = Field(30, ge=1)
    invite_days: int = Field(7, ge=1)

    @field_validator("signing_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _words(value)

    @field_validator("signing_keys")
    @classmethod
    def _long_enough(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value().encode()) < _SHORTEST_KEY for key in keys):
            raise ValueError(f"a signing key needs at least {_SHORTEST_KEY} bytes")
        return keys


class Feeds(_Concern):
    allow_networks: Annotated[tuple[Network, ...], NoDecode] = ()
    """Private networks that feeds may be fetched from, on any port; for development."""
    parse_processes: int = Field(2, ge=1)
    """How many feeds are parsed at once, each in a process of its own."""
    parse_seconds: float = Field(25.0, gt=0)
    """How long parsing one feed may take."""

    @field_validator("allow_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _words(value)


class Events(_Concern):
    keep_months: int = Field(25, ge=1, le=120)
    """Whole months before the present one that are kept; events from before them are refused.

    Raising it after `podgraph retention` takes events of dropped months in again, also such as had been counted.
    """
    household_key: SecretStr | None = Field(None, min_length=16)
    """Keys the hashes of network addresses that tell households apart; none means `auth.hash_key`.

    Changing it makes every household a new one: touches from before no longer meet conversions from after.
    """


class Cost(_Concern):
    default_plan: PlanName = PlanName.FREE
    """The plan of a tenant that has chosen none."""


class TrustedDocuments(StrEnum):
    """What becomes of a text that nobody registered."""

    OFF = "off"
    LOG_ONLY = "log-only"
    REQUIRED = "required"


class DocumentSettings(_Concern):
    trusted: TrustedDocuments = TrustedDocuments.OFF
    """`off` runs any text, `log-only` logs and counts those that are not registered, `required` refuses them."""
    persisted: bool = True
    """Automatic persisted queries (Apollo's protocol)."""
    persisted_days: int = Field(7, ge=1)
    """How long a persisted query is kept after its last use."""


class Execution(_Concern):
    compiled: bool = True
    """Whether queries run as generated code; false runs all by graphql-core, to the same answers."""


class Logs(_Concern):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    style: Literal["json", "console", "auto"] = "auto"
    """`auto` is console on a terminal and JSON elsewhere."""


class IncompleteSettings(Exception):
    """The message names the variables that are missing."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="PODGRAPH_", env_nested_delimiter="__", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    environment: Environment = Environment.DEVELOPMENT
    data_dir: Path = Path(".podgraph")
    """Where the embedded server and a development machine's secrets live."""
    http: Http = Http()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    cache: CacheSettings = CacheSettings()
    auth: Auth = Auth()
    feeds: Feeds = Feeds()
    events: Events = Events()
    cost: Cost = Cost()
    documents: DocumentSettings = DocumentSettings()
    execution: Execution = Execution()
    logs: Logs = Logs()

    @model_validator(mode="after")
    def _complete_in_production(self) -> Self:
        if self.environment is Environment.PRODUCTION:
            missing = [
                name
                for name, value in {
                    "PODGRAPH_DATABASE__URL": self.database.url,
                    "PODGRAPH_AUTH__SIGNING_KEYS": self.auth.signing_keys,
                    "PODGRAPH_AUTH__HASH_KEY": self.auth.hash_key,
                }.items()
                if not value
            ]
            if missing:
                raise ValueError(f"production needs {', '.join(missing)}")
        return self


def _refuse_foreign(url: str) -> None:
    if re.match(r"postgresql\+asyncpg://[^/@]+@?[^/]*/", url) is None:
        raise ValueError("begins with postgresql+asyncpg:// and names a user, a host and a database")


def _words(value: object) -> object:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value
