"""Settings of the HTTP edge, with defaults that are safe on the open internet."""

import msgspec


class HttpLimits(msgspec.Struct, frozen=True):
    """Bounds and rules of the endpoint. Times are seconds, sizes are bytes.

    `get_requires_preflight`: when true, every GET must carry a header that a cross-site page cannot send without a
    CORS preflight. When false, only GETs that a browser may have been tricked into are refused (`gateway.http.csrf`
    says which), and bare GETs of scripts, `curl` and the conformance audits pass.
    """

    body_bytes: int = 1024 * 1024
    body_seconds: float = 30.0
    variables_bytes: int = 768 * 1024
    json_depth: int = 64
    json_values: int = 50_000
    batch_items: int = 20
    batch_concurrency: int = 5
    get_requires_preflight: bool = False
    sse_heartbeat_seconds: float = 15.0
    stream_write_seconds: float = 30.0
    access_check_seconds: float = 60.0
    websocket_init_seconds: float = 10.0
    websocket_operations: int = 50
    websocket_messages_per_second: float = 200.0
    websocket_message_bytes: int = 256 * 1024
    websocket_origins: frozenset[str] = frozenset()
    vary: str = "Accept, Authorization"
