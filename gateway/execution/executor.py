"""What every executor promises."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import msgspec
from graphql import GraphQLError

from gateway.cost.tally import Tally
from gateway.documents.documents import Document
from gateway.execution.profile import Profile
from resolvers.answers import Answers
from resolvers.billing.spending import Client, Spending
from resolvers.keeping import Audience


class OperationContext(Protocol):
    """What the way of an operation needs of a request's context; everything else in it is for resolvers."""

    @property
    def spending(self) -> Spending:
        """Who pays, and on which plan."""

    @property
    def client(self) -> Client:
        """The program that asks, as its connection named it."""

    @property
    def answers(self) -> Answers:
        """What resolvers answered to one executor, for another that takes over."""

    @property
    def audience(self) -> Audience | None:
        """Who may be shown what is kept of the operation; None where nothing is."""

    @property
    def consistency(self) -> str | None:
        """The consistency token of what the operation wrote; None if it wrote nothing."""

    def demand(self, given: object) -> None:
        """What the request's `extensions.consistency` asks for; None is nothing. Raises InvalidInput."""

    async def for_event(self) -> Self:
        """The context of one event of a subscription: nothing loaded for an earlier event is seen again."""

    def begin(self) -> None:
        """The current task runs the operation from now on, alone but for tasks that it begins itself."""

    def close(self) -> None:
        """The operation or the event is over: nothing that it began goes on."""


ContextT = TypeVar("ContextT", bound=OperationContext)
ContextT_contra = TypeVar("ContextT_contra", bound=OperationContext, contravariant=True)


class Job(msgspec.Struct, frozen=True):
    """One operation of a valid document, ready to run.

    With a `tally` every object that is executed is counted in it, the root too, whatever comes of its fields. Of a
    subscription it counts the opening; each event has a tally of its own.
    """

    document: Document
    operation_name: str | None
    variables: Mapping[str, Any]
    hide_suggestions: bool
    tally: Tally | None = None
    profile: Profile | None = None
    """Collects where the time goes."""


class Execution(msgspec.Struct, frozen=True):
    """What came of running an operation, or of one event of a subscription; errors are raw, not yet masked.

    `data` is whatever is encoded as the response map: a dict, or a struct of structs. None: there is none.
    """

    data: Any
    errors: Sequence[GraphQLError] = ()


Event = Callable[[Tally], Coroutine[Any, Any, Execution]]
"""One event of a subscription, which has happened and is executed when it is called; or it is not, if nobody pays."""


class Executor(Protocol[ContextT_contra]):
    """Runs operations. Raises RequestRejected when the variables do not fit, TimeoutError when time is up."""

    async def execute(self, job: Job, context: ContextT_contra) -> Execution:
        """Run a query or a mutation."""

    async def subscribe(self, job: Job, context: ContextT_contra) -> AsyncGenerator[Event, None] | Execution:
        """Open a subscription: its events, or an Execution without data when the source could not be opened.

        Closing the generator closes the source.
        """
