"""Answers that are kept whole, and found again by what was asked and who asks."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from graphql import OperationDefinitionNode

from cache.kinds import Kind
from cache.memory import Missing, Shelf
from cache.tiers import Loaded
from gateway.cost.points import Points
from gateway.documents.documents import Document
from gateway.responses.policies import Policies, Policy
from resolvers.keeping import Audience, Keeping

MOST_BYTES: Final = 1024 * 1024
"""Of the `data` of an answer that is kept."""

_NAME: Final = "answers"


class KeptAnswer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`data` is the JSON of a response's `data`, `cost` what it came to when it was executed."""

    data: bytes
    cost: Points


class Question(msgspec.Struct, frozen=True):
    """One operation, of which the answer may be kept, and where."""

    keeping: Keeping
    shelf: Shelf[KeptAnswer | None]
    key: str

    def recalled(self) -> KeptAnswer | None:
        """From memory, without waiting."""
        [found] = self.keeping.cache.recall(self.shelf, (self.key,))
        return None if isinstance(found, Missing) else found

    async def fetched(self, execute: Callable[[], Awaitable[KeptAnswer | None]]) -> KeptAnswer | None:
        """From Redis, or from whoever is executing the same; else what `execute` gives, which is then kept.

        `execute` raises nothing but CancelledError. What it gives is shown to others only where it is known when it
        changes; who executed, and who waited for that, is then given None.
        """
        keeping = self.keeping

        async def load(_keys: list[Any]) -> Loaded[KeptAnswer | None]:
            answer = await execute()
            sources = None if answer is None else keeping.kept()
            if answer is None or sources is None:
                return Loaded((None,), (), None)
            tags, position = sources
            return Loaded((answer,), tags, position if len(answer.data) <= MOST_BYTES else None)

        fetched = await keeping.cache.fetch(self.shelf, (self.key,), load, keeping.moment)
        return fetched.values[0]


class Answers:
    """What of the answers to operations is kept, by the graph's policies."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def question(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        audience: Audience | None,
    ) -> Question | None:
        """None for what is not kept."""
        if audience is None:
            return None
        policy = self._policies.policy(document, operation)
        if policy is None:
            return None
        keeping = audience.keeping
        name = operation.name.value if operation.name else None
        viewer = audience.viewer if policy.private else None
        try:
            asked = msgspec.json.encode(
                (document.hash, name, variables, audience.rights, viewer), order="deterministic"
            )
        except (TypeError, ValueError, RecursionError):
            return None
        key = hashlib.blake2b(asked, digest_size=20).hexdigest()
        return Question(keeping, keeping.shelf(_kind(keeping, policy)), key)


def _kind(keeping: Keeping, policy: Policy) -> Kind[KeptAnswer | None]:
    return keeping.kinds.kind(_NAME, KeptAnswer | None, seconds=float(policy.max_age))
