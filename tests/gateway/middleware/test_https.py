"""Requests that come in clear."""

from gateway.middleware.https import HttpsMiddleware
from tests.gateway.middleware.asgi import Recorder, call


async def test_page_is_redirected_to_https_on_the_same_host() -> None:
    answer = await call(
        HttpsMiddleware(Recorder()), "/graphiql", headers={"host": "a.example:8000"}, query_string=b"q=1"
    )
    assert (answer.status, answer.headers["location"]) == (308, "https://a.example/graphiql?q=1")


async def test_request_with_a_body_or_credentials_is_refused_rather_than_redirected() -> None:
    app = Recorder()
    post = await call(HttpsMiddleware(app), method="POST")
    token = await call(HttpsMiddleware(app), headers={"authorization": "Bearer secret"})
    assert (post.status, post.code, token.status) == (403, "HTTPS_REQUIRED", 403)
    assert app.scopes == []


async def test_probes_are_answered_in_clear() -> None:
    assert (await call(HttpsMiddleware(Recorder()), "/livez")).status == 200


async def test_tls_passes() -> None:
    assert (await call(HttpsMiddleware(Recorder()), scheme="https", method="POST")).status == 200


async def test_clear_websocket_is_closed() -> None:
    answer = await call(HttpsMiddleware(Recorder()), type="websocket", scheme="ws")
    assert answer.messages[0]["type"] == "websocket.close"
