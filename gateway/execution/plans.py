"""The plans of operations, made once: by document, operation and the values that steer @skip and @include."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from graphql import GraphQLError, OperationDefinitionNode
from graphql.execution.values import VariableValues

from gateway.cost.prices import TOKEN_BYTES
from gateway.cost.selections import steering_names
from gateway.documents.documents import Document
from gateway.execution.plan import Plan
from gateway.execution.planner import Planner, Unplanned
from ops.telemetry.metrics import ExecutionMetrics

FIELD_BYTES: Final = 2_000
"""About what a field of a plan takes in memory, with its generated code."""

_Key = tuple[str, str | None, tuple[Any, ...]]


class Plans:
    """Least recently used out first. A plan keeps its document alive: `max_bytes` bounds what they take together.

    That an operation cannot be planned is kept like a plan.
    """

    def __init__(
        self,
        planner: Planner,
        metrics: ExecutionMetrics,
        *,
        max_entries: int = 2_000,
        max_bytes: int = 128 * 1024 * 1024,
    ) -> None:
        self._planner = planner
        self._metrics = metrics
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._plans: OrderedDict[_Key, tuple[Document, Plan | Unplanned, int]] = OrderedDict()
        self._bytes = 0
        self._steering: OrderedDict[tuple[str, str | None], tuple[str, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._plans)

    @property
    def bytes(self) -> int:
        """About what the plans take in memory."""
        return self._bytes

    def plan(self, document: Document, operation: OperationDefinitionNode, variables: VariableValues) -> Plan:
        """Raises Unplanned."""
        name = operation.name.value if operation.name else None
        key = (document.hash, name, self._values(document, operation, name, variables.coerced))
        known = self._plans.get(key)
        if known is not None and known[0].node is document.node:
            self._plans.move_to_end(key)
            found = known[1]
        else:
            found = self._made(document, operation, variables)
            self._keep(key, document, found)
        if isinstance(found, Unplanned):
            raise found.with_traceback(None)
        return found

    def _values(
        self, document: Document, operation: OperationDefinitionNode, name: str | None, given: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        key = (document.hash, name)
        names = self._steering.get(key)
        if names is None:
            names = self._steering[key] = steering_names(document.node, operation)
            if len(self._steering) > self._max_entries:
                self._steering.popitem(last=False)
        return tuple(given.get(one) for one in names)

    def _made(
        self, document: Document, operation: OperationDefinitionNode, variables: VariableValues
    ) -> Plan | Unplanned:
        try:
            return self._planner.plan(document.node, operation, variables)
        except Unplanned as why:
            return why
        except GraphQLError as error:
            return Unplanned(error.message)

    def _keep(self, key: _Key, document: Document, found: Plan | Unplanned) -> None:
        if key in self._plans:
            self._bytes -= self._plans.pop(key)[2]
        fields = found.fields if isinstance(found, Plan) else 0
        taken = document.text_bytes + TOKEN_BYTES * document.structure.tokens + FIELD_BYTES * fields
        self._plans[key] = document, found, taken
        self._bytes += taken
        while len(self._plans) > self._max_entries or self._bytes > self._max_bytes:
            _, (_, _, freed) = self._plans.popitem(last=False)
            self._bytes -= freed
        self._metrics.plans.set(len(self._plans))
