"""Secrets that are shown once: refresh tokens, invitations, API keys. Only their hashes are stored.

Each holds 256 random bits, so that a plain SHA-256 cannot be reversed and a look-up by hash tells nothing by its time.
Secrets of a tenant name the tenant, because a look-up runs inside the tenant's own session: `pgk_3_…`, `pgi_3_…`.
"""

import re
from hashlib import sha256

import msgspec

from persistence.ids import TenantId

API_KEY = "pgk"
INVITE = "pgi"

_SHAPE = re.compile(r"(pgk|pgi)_([1-9][0-9]{0,17})_([A-Za-z0-9_-]{20,100})", re.ASCII)
_HINT_CHARACTERS = 4


class TenantSecret(msgspec.Struct, frozen=True):
    """The parts of a tenant's secret."""

    tenant_id: TenantId
    hash: str


def secret_hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def tenant_secret(kind: str, tenant_id: TenantId, random: str) -> str:
    """The text of a secret of this tenant; `random` is a URL-safe text of 256 random bits."""
    return f"{kind}_{tenant_id}_{random}"


def split_secret(kind: str, text: str) -> TenantSecret | None:
    """The tenant and the hash behind a secret's text; None for what cannot be one."""
    match = _SHAPE.fullmatch(text)
    if match is None or match[1] != kind:
        return None
    return TenantSecret(tenant_id=TenantId(int(match[2])), hash=secret_hash(text))


def hint(text: str) -> str:
    """How a key is recognised in a list: all but the secret, and the first few characters of that."""
    kind, tenant_id, random = text.split("_", 2)
    return f"{kind}_{tenant_id}_{random[:_HINT_CHARACTERS]}…"
