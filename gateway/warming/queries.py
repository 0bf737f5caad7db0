"""Which operations of documents can be asked in nobody's name: queries whose variables are known."""

from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import NonNullTypeNode, OperationDefinitionNode, OperationType, VariableDefinitionNode

from gateway.documents.documents import Document


class Query(msgspec.Struct, frozen=True):
    """One operation, as a client asks it: whole answers are found again by the very text and the very variables."""

    name: str
    """For people."""
    text: str
    operation: str | None
    variables: Mapping[str, Any]


class LeftOut(msgspec.Struct, frozen=True):
    """What is not asked, in a sentence's second half."""

    name: str
    why: str


def queries_of(
    document: Document, text: str, origin: str, given: Mapping[str, Any]
) -> tuple[list[Query], list[LeftOut]]:
    """The queries of a document, and its other operations; each query takes those of the variables that it declares."""
    queries, others = [], []
    for operation_name, operation in document.operations.items():
        name = f"{operation_name or 'the query'} of {origin}"
        declared = operation.variable_definitions or ()
        variables = {each: given[each] for each in map(_name, declared) if each in given}
        if why := _why_not(document, operation, variables):
            others.append(LeftOut(name, why))
        else:
            queries.append(Query(name, text, operation_name, variables))
    return queries, others


def _why_not(document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> str | None:
    if operation.operation is not OperationType.QUERY:
        return f"is a {operation.operation.value}"
    if document.structure.introspects:
        return "is in a document with introspection, whose answers are not kept"
    required = [_name(each) for each in operation.variable_definitions or () if _is_required(each)]
    if missing := [name for name in required if name not in variables]:
        return f"needs {', '.join(f'${name}' for name in missing)}"
    if document.values(operation, variables) is None:
        return "does not take the values of its variables"
    return None


def _name(definition: VariableDefinitionNode) -> str:
    return definition.variable.name.value


def _is_required(definition: VariableDefinitionNode) -> bool:
    return isinstance(definition.type, NonNullTypeNode) and definition.default_value is None
