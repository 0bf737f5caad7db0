"""Prices of operations: formulas compiled once, evaluated for each request's variables."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from graphql import DocumentNode, OperationDefinitionNode

from gateway.cost.bill import Bill, DearestList, itemised
from gateway.cost.dearest_list import dearest_list
from gateway.cost.formula import Formula
from gateway.cost.model import CostModel
from gateway.cost.points import Points
from gateway.cost.selections import steering_names, variable_defaults
from gateway.cost.tally import Tally
from gateway.cost.values import Variables
from gateway.documents.documents import Document

TOKEN_BYTES: Final = 450
PART_BYTES: Final = 250
"""About what a token of a document and a part of a formula take in memory."""


class Price:
    """What one operation costs with its variables. `static` is at least what it can come to."""

    __slots__ = ("_formula", "_variables", "static")

    def __init__(self, formula: Formula, variables: Variables) -> None:
        self._formula = formula
        self._variables = formula.variables(variables)
        self.static = formula.static(self._variables)

    def actual(self, tally: Tally) -> Points:
        """What the objects that were executed cost."""
        selection, variables = self._formula.selection, self._variables
        total = 0
        for one in tally:
            own = selection(one.group).own
            total += one.times * (own if isinstance(own, int) else own(variables))
        return Points(total)

    def bill(self, tally: Tally | None = None) -> Bill:
        """The lines whose sum is `static`; with a tally also what came of each."""
        return itemised(self._formula, self._variables, tally)

    def dearest_list(self, maximum: Points) -> DearestList | None:
        """The list to shrink so that the operation costs at most `maximum`; None if it has none that a number cuts."""
        return dearest_list(self._formula, self._variables, maximum)


class Prices:
    """Formulas by document, operation and steering values: least recently used out first.

    A formula keeps its document alive, and one document has as many as its @skip and @include have combinations:
    `max_bytes` bounds what they take together, as if no two shared a document.
    """

    def __init__(self, model: CostModel, *, max_entries: int = 2_000, max_bytes: int = 128 * 1024 * 1024) -> None:
        self._model = model
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._formulas: OrderedDict[tuple[str, str | None, tuple[bool | None, ...]], tuple[Formula, int]] = (
            OrderedDict()
        )
        self._bytes = 0
        self._steering: OrderedDict[tuple[str, str | None], _Steering] = OrderedDict()

    def price(self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Price:
        """The price for these variables, as they came. Raises RequestRejected (TOO_MANY_FIELDS), whatever they are."""
        return Price(self.formula(document, operation, variables), variables)

    def formula(self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Formula:
        """The formula for what these variables steer. Raises as `price` does."""
        name = operation.name.value if operation.name else None
        steering = self._steering_of(document, operation, name)
        values = steering.values(variables)
        key = (document.hash, name, values)
        known = self._formulas.get(key)
        if known is not None and known[0].document is document.node:
            self._formulas.move_to_end(key)
            return known[0]
        given = {one: value for one, value in zip(steering.names, values, strict=True) if value is not None}
        formula = self._model.formula(document.node, operation, given)
        self._keep(key, formula, document)
        return formula

    def __len__(self) -> int:
        return len(self._formulas)

    def _keep(self, key: tuple[str, str | None, tuple[bool | None, ...]], formula: Formula, document: Document) -> None:
        if key in self._formulas:
            self._bytes -= self._formulas.pop(key)[1]
        taken = document.text_bytes + TOKEN_BYTES * document.structure.tokens + PART_BYTES * formula.parts
        self._formulas[key] = formula, taken
        self._bytes += taken
        while len(self._formulas) > self._max_entries or self._bytes > self._max_bytes:
            _, (_, freed) = self._formulas.popitem(last=False)
            self._bytes -= freed

    def _steering_of(self, document: Document, operation: OperationDefinitionNode, name: str | None) -> "_Steering":
        key = (document.hash, name)
        found = self._steering.get(key)
        if found is None:
            found = self._steering[key] = _Steering(document.node, operation)
            if len(self._steering) > self._max_entries:
                self._steering.popitem(last=False)
        else:
            self._steering.move_to_end(key)
        return found


class _Steering:
    """The variables that @skip and @include of an operation name. Keeps nothing of the document alive."""

    __slots__ = ("_defaults", "names")

    def __init__(self, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.names = steering_names(document, operation)
        defaults = variable_defaults(operation)
        self._defaults = {name: defaults.get(name) for name in self.names}

    def values(self, variables: Mapping[str, Any]) -> tuple[bool | None, ...]:
        """None for what is no Boolean: nothing is left out because of it."""
        if not self.names:
            return ()
        values = (variables.get(name, self._defaults[name]) for name in self.names)
        return tuple(value if isinstance(value, bool) else None for value in values)
