"""Who may read the graph's schema as text."""

import msgspec
from starlette.requests import Request

from gateway.sdl import sdl_page
from resolvers.errors import Unauthenticated
from tests.gateway.small_schema import Bench, SmallContext


async def answer(viewer: str | None, *, open_to_strangers: bool = False) -> tuple[int, bytes]:
    async def context(_request: Request) -> SmallContext:
        if viewer == "bad":
            raise Unauthenticated("The credentials are not valid.")
        return SmallContext(Bench(), viewer)

    page = sdl_page("type Query", context, lambda context: open_to_strangers or context.viewer is not None)
    response = await page(Request({"type": "http", "headers": []}))
    return response.status_code, bytes(response.body)


async def test_whoever_may_introspect_reads_it() -> None:
    assert await answer("ada") == (200, b"type Query")
    assert await answer(None, open_to_strangers=True) == (200, b"type Query")


async def test_stranger_and_bad_credentials_are_refused() -> None:
    for viewer in (None, "bad"):
        status, body = await answer(viewer)
        assert status == 401
        assert msgspec.json.decode(body)["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
