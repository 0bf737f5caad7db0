"""Prices of operations: formulas compiled once, evaluated for each request's variables."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from graphql import DocumentNode, OperationDefinitionNode

from gateway.cost.bill import Bill, DearestList, itemised
from gateway.cost.dearest_list import dearest_list
from gateway.cost.formula import Formula
from gateway.cost.model import CostModel
from gateway.cost.points import Points
from gateway.cost.selections import steering_names, variable_defaults
from gateway.cost.tally import Tally
from gateway.cost.values import Variables, amount
from gateway.documents.documents import Document


class Price:
    """What one operation costs with its variables. `static` is at least what it can come to."""

    __slots__ = ("_formula", "_variables", "static")

    def __init__(self, formula: Formula, variables: Variables) -> None:
        self._formula = formula
        self._variables = formula.variables(variables)
        self.static = formula.static(self._variables)

    def actual(self, tally: Tally) -> Points:
        """What the objects that were executed cost."""
        own = self._formula.selection
        return Points(sum(one.times * amount(own(one.group).own, self._variables) for one in tally))

    def bill(self, tally: Tally | None = None) -> Bill:
        """The lines whose sum is `static`; with a tally also what came of each."""
        return itemised(self._formula, self._variables, tally)

    def dearest_list(self, maximum: Points) -> DearestList | None:
        """The list to shrink so that the operation costs at most `maximum`; None if it has none that a number cuts."""
        return dearest_list(self._formula, self._variables, maximum)


class Prices:
    """Formulas by document, operation and steering values: least recently used out first."""

    def __init__(self, model: CostModel, *, max_entries: int = 2_000) -> None:
        self._model = model
        self._max_entries = max_entries
        self._formulas: OrderedDict[tuple[str, str | None, tuple[bool | None, ...]], Formula] = OrderedDict()
        self._steering: OrderedDict[tuple[str, str | None], _Steering] = OrderedDict()

    def price(self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Price:
        """The price for these variables, as they came. Raises RequestRejected (TOO_MANY_FIELDS), whatever they are."""
        name = operation.name.value if operation.name else None
        steering = self._steering_of(document, operation, name)
        values = steering.values(variables)
        key = (document.hash, name, values)
        formula = self._formulas.get(key)
        if formula is None or formula.document is not document.node:
            known = {one: value for one, value in zip(steering.names, values, strict=True) if value is not None}
            formula = self._formulas[key] = self._model.formula(document.node, operation, known)
            if len(self._formulas) > self._max_entries:
                self._formulas.popitem(last=False)
        else:
            self._formulas.move_to_end(key)
        return Price(formula, variables)

    def __len__(self) -> int:
        return len(self._formulas)

    def _steering_of(self, document: Document, operation: OperationDefinitionNode, name: str | None) -> "_Steering":
        key = (document.hash, name)
        found = self._steering.get(key)
        if found is None or found.document is not document.node:
            found = self._steering[key] = _Steering(document.node, operation)
            if len(self._steering) > self._max_entries:
                self._steering.popitem(last=False)
        else:
            self._steering.move_to_end(key)
        return found


class _Steering:
    """The variables that @skip and @include of an operation name."""

    __slots__ = ("_defaults", "document", "names")

    def __init__(self, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.document = document
        self.names = steering_names(document, operation)
        self._defaults = variable_defaults(operation)

    def values(self, variables: Mapping[str, Any]) -> tuple[bool | None, ...]:
        """None for what is no Boolean: nothing is left out because of it."""
        if not self.names:
            return ()
        values = (variables.get(name, self._defaults.get(name)) for name in self.names)
        return tuple(value if isinstance(value, bool) else None for value in values)
