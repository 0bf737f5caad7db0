"""Who pays for an operation, and on which plan."""

from typing import Final

import msgspec

from persistence.ids import ApiKeyId
from resolvers.billing.plans import Plan


class KeyBudget(msgspec.Struct, frozen=True):
    """What an API key may spend, beside its tenant's budget; in points, and points per second."""

    api_key_id: ApiKeyId
    capacity: int
    restore_rate: int


class Spending(msgspec.Struct, frozen=True):
    """`owner` names the bucket: 'ten:3' of a tenant, 'usr:5' of a user who has none, 'adr:<hash>' of a stranger."""

    owner: str
    plan: Plan
    key: KeyBudget | None = None


class Client(msgspec.Struct, frozen=True):
    """The program that asks, by its own word."""

    name: str
    version: str


UNKNOWN: Final = Client(name="unknown", version="")
