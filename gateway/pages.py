"""The pages that people open in a browser: the landing page, GraphiQL and what they load, as built from gateway/web.

Everything comes from `static_dir`, nothing from elsewhere, and each page says so in its Content-Security-Policy.
Whoever adds security headers further out leaves a policy alone that is already there.
"""

import html
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

Endpoint = Callable[[Request], Awaitable[Response]]

# The landing page: no inline code or style, no form that would submit by itself, no frame around it.
LANDING_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Monaco writes style elements and style attributes as it draws, and GraphiQL's own stylesheet carries its fonts and a
# few pictures as data: addresses. Scripts, workers and connections stay those of this origin, WebSockets included.
GRAPHIQL_POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A worker obeys the policy of its own file: these may load each other and speak to nobody.
ASSET_POLICY: Final = "default-src 'none'; script-src 'self'; frame-ancestors 'none'"

NOT_BUILT: Final = "The web pages have not been built yet: run `make web`, then reload this page.\n"

# The names are hashes of the contents, so a copy never grows old.
_FOREVER: Final = "public, max-age=31536000, immutable"
# Said here because the machine's own table of types differs from one system to the next.
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
}
# What the build wrote beside a file, dearest to make and smallest first.
_CODINGS: Final = {"br": ".br", "gzip": ".gz"}
_REFUSED: Final = frozenset({"q=0", "q=0.0", "q=0.00", "q=0.000"})
_SETTINGS_ELEMENT: Final = '<meta name="podgraph" content="" />'


class DemoLogin(msgspec.Struct, frozen=True):
    """The login of the seeded demo. The GraphiQL page shows it to everybody who opens it."""

    email: str
    password: str


class _PageSettings(msgspec.Struct, frozen=True, rename="camel"):
    """What gateway/web/src/page.ts reads."""

    graphql_path: str
    demo: DemoLogin | None


class HashedAssets(StaticFiles):
    """Files whose names contain a hash of their contents: cached for good, sent as compressed by the build."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await self._compressed(path, scope) or await super().get_response(path, scope)
        response.headers["Cache-Control"] = _FOREVER
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Content-Security-Policy"] = ASSET_POLICY
        if response.status_code == HTTPStatus.OK and (media_type := _MEDIA_TYPES.get(PurePosixPath(path).suffix)):
            response.headers["Content-Type"] = media_type
        return response

    async def check_config(self) -> None:
        """A gateway without pages serves its graph all the same: a missing folder is a 404, not a failure."""

    async def _compressed(self, path: str, scope: Scope) -> Response | None:
        accepted = _accepted_codings(Headers(scope=scope))
        for coding, suffix in _CODINGS.items():
            if coding not in accepted:
                continue
            try:
                response = await super().get_response(path + suffix, scope)
            except HTTPException as error:
                if error.status_code != HTTPStatus.NOT_FOUND:
                    raise
                continue
            if response.status_code == HTTPStatus.OK:
                response.headers["Content-Encoding"] = coding
            return response
        return None


def page_routes(
    static_dir: Path, *, graphql_path: str = "/graphql", demo: DemoLogin | None = None
) -> list[Route | Mount]:
    """`/`, `/graphiql`, `/readme` and `/static/assets/*`, out of what `make web` built into `static_dir`.

    Until it is built, the pages answer 503 with a sentence that says what to do; no restart is needed after.
    With `demo`, the GraphiQL page fills in that login.
    """
    settings = msgspec.json.encode(_PageSettings(graphql_path=graphql_path, demo=demo)).decode()
    element = f'<meta name="podgraph" content="{html.escape(settings)}" />'

    def graphiql_page(text: str) -> Response:
        return _page(text.replace(_SETTINGS_ELEMENT, element), GRAPHIQL_POLICY)

    def landing_page(text: str) -> Response:
        return _page(text, LANDING_POLICY)

    return [
        Route("/", _built(static_dir / "index.html", landing_page), name="landing"),
        Route("/graphiql", _built(static_dir / "graphiql.html", graphiql_page), name="graphiql"),
        Route("/readme", _built(static_dir / "README.md", PlainTextResponse), name="readme"),
        Mount("/static/assets", HashedAssets(directory=static_dir / "assets", check_dir=False), name="assets"),
    ]


def _built(file: Path, response: Callable[[str], Response]) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        try:
            text = await run_in_threadpool(file.read_text, "utf-8")
        except FileNotFoundError:
            return PlainTextResponse(
                NOT_BUILT, status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Cache-Control": "no-store"}
            )
        return response(text)

    return endpoint


def _page(text: str, policy: str) -> Response:
    # The page names the hashed files of one build, so a browser asks for it anew each time.
    return HTMLResponse(text, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})


def _accepted_codings(headers: Headers) -> set[str]:
    """The content codings that the client names and does not refuse (RFC 9110, section 12.5.3)."""
    accepted = set()
    for item in headers.get("accept-encoding", "").split(","):
        coding, _, weight = item.partition(";")
        if weight.strip().lower() not in _REFUSED:
            accepted.add(coding.strip().lower())
    return accepted
