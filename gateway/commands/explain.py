"""`podgraph explain`: how a query is executed."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import typer
from graphql.execution.values import get_variable_values
from prometheus_client import CollectorRegistry

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.given import (
    GivenDocument,
    GivenOperation,
    GivenVariables,
    given_document,
    given_variables,
    refuse,
)
from gateway.commands.running import database_settings
from gateway.cost.quotes.price_list import complaints
from gateway.development import with_development_secrets
from gateway.documents.documents import Document, Documents
from gateway.documents.limits import DocumentLimits
from gateway.errors import RequestRejected
from gateway.execution import explanation
from gateway.execution.compiled import CompiledExecutor
from gateway.execution.executor import Job
from gateway.execution.planner import Planner, Unplanned
from gateway.execution.reference import ReferenceExecutor
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.settings import Settings
from ops.telemetry.metrics import DocumentMetrics, ExecutionMetrics
from persistence.ids import TenantId
from resolvers import ids
from resolvers.context import RequestContext
from resolvers.errors import InvalidInput
from resolvers.policy import Role, Viewer
from schema.graph import Graph, build_graph

_SECONDS = 60.0


class Sent(msgspec.Struct, frozen=True):
    """One statement, and how many values went with it."""

    sql: str
    values: int


@failures_as_sentences
def explain_command(
    document: GivenDocument,
    variables: GivenVariables = None,
    operation: GivenOperation = None,
    tenant: Annotated[
        str | None,
        typer.Option(metavar="TENANT", help="Run it for this tenant, such as ten_1, and show its statements."),
    ] = None,
) -> None:
    """How a query is executed: its plan, the functions generated for it and, with a tenant, the statements it runs.

    Exit code: 0; 3 when the document or a file cannot be used; 64 for a wrong command line.
    """
    origin, text = given_document(document)
    values = given_variables(variables)
    graph = build_graph()
    documents = Documents(graph.schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    try:
        found = documents.document(text, hide_suggestions=False)
        _explain(graph, found, operation, values)
    except RequestRejected as error:
        refuse(*complaints(error, origin))
    if tenant is None:
        typer.echo("\nName a tenant with --tenant to see the statements that it runs there.")
        return
    job = Job(found, operation, values, hide_suggestions=False)
    for number, sent in enumerate(_statements(graph, job, _tenant(tenant)), 1):
        typer.echo(f"\n-- statement {number}, {sent.values} {'value' if sent.values == 1 else 'values'}\n{sent.sql}")


def _explain(graph: Graph, document: Document, name: str | None, values: dict[str, Any]) -> None:
    operation = document.operation(name)
    coerced = get_variable_values(graph.schema, operation.variable_definitions or (), values)
    if isinstance(coerced, list):
        refuse(*(error.message for error in coerced))
    try:
        plan = Planner(graph.schema).plan(document.node, operation, coerced)
    except Unplanned as why:
        typer.echo(f"graphql-core executes this operation, since {why}.")
        return
    typer.echo("\n".join(explanation.steps(plan)))
    for function in explanation.functions(plan):
        typer.echo(f"\n{function}")


def _tenant(text: str) -> TenantId:
    try:
        return TenantId(ids.row_id(text, ids.TENANT, "tenant"))
    except InvalidInput as error:
        raise Failure(f"--tenant: {error.message}") from error


def _statements(graph: Graph, job: Job, tenant_id: TenantId) -> Sequence[Sent]:
    with database_settings(with_development_secrets(Settings())) as running:
        return asyncio.run(_sent(running, graph, job, tenant_id))


async def _sent(settings: Settings, graph: Graph, job: Job, tenant_id: TenantId) -> list[Sent]:
    sent: list[Sent] = []
    async with open_process(settings, Drain()) as process:
        reference: ReferenceExecutor[RequestContext] = ReferenceExecutor(graph.schema, seconds=_SECONDS)
        executor = CompiledExecutor(
            graph.schema, ExecutionMetrics(CollectorRegistry()), seconds=_SECONDS, reference=reference
        )
        context = RequestContext(process.services, Viewer(tenant_id=tenant_id, role=Role.OWNER))
        with process.services.database.watched(lambda sql, values: sent.append(Sent(sql, len(values)))):
            execution = await executor.execute(job, context)
    for error in execution.errors:
        raise Failure(f"The operation fails there: {error.message}")
    return sent
