"""`/schema.graphql`, the graph as text: for whoever may introspect."""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.errors import http_status, retry_headers
from gateway.execution.executor import ContextT
from resolvers.errors import DomainError, Unauthenticated


def sdl_page(
    text: str, new_context: Callable[[Request], Awaitable[ContextT]], allowed: Callable[[ContextT], bool]
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint; bad credentials are refused as they are at the graph itself."""

    async def sdl(request: Request) -> Response:
        try:
            if not allowed(await new_context(request)):
                raise Unauthenticated("The schema is for signed-in users: send a token or an API key.")
        except DomainError as error:
            body = msgspec.json.encode({"errors": [{"message": error.message, "extensions": {"code": error.code}}]})
            status = http_status(error.code, legacy=False)
            return Response(body, status, retry_headers(error), media_type="application/json")
        return PlainTextResponse(text)

    return sdl
