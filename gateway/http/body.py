"""From bytes to `OperationRequest`s: what is malformed is refused here, with a sentence and a code."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive

from gateway.errors import Code, RequestRejected, rejected
from gateway.http.head import Head
from gateway.http.interruption import ClientGone, Interruption
from gateway.http.limits import HttpLimits
from gateway.operation import OperationRequest

UTF8_BOM: Final = b"\xef\xbb\xbf"
MAX_QUERY_FIELDS: Final = 20
PARAMETERS: Final = ("query", "operationName", "variables", "extensions", "documentId")
NUL: Final = rb"\u0000"
"""The one way to write the character in JSON, though not every place where this stands."""
STRING_AND_COLON: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"(\s*+:)?', re.DOTALL)


def check_content(headers: Head) -> None:
    """Raise RequestRejected unless the body is JSON in UTF-8, not compressed.

    Compressed bodies are refused rather than inflated: requests are small, and a bomb costs the receiver only.
    """
    content_type = headers.get("content-type", "")
    if content_type != "application/json":
        _check_media(content_type)
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        message = "Compressed request bodies are not accepted."
        raise rejected(Code.UNSUPPORTED_MEDIA_TYPE, message, {"accept-encoding": "identity"})


def _check_media(content_type: str) -> None:
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charset = next((p.partition("=")[2].strip(' "') for p in parameters if p.startswith("charset")), "utf-8")
    if media != "application/json" or charset not in {"utf-8", "utf8"}:
        accept = {"accept-post": "application/json; charset=utf-8"}
        message = "The body must be application/json in UTF-8, and say so in Content-Type."
        raise rejected(Code.UNSUPPORTED_MEDIA_TYPE, message, accept)


async def read_body(receive: Receive, headers: Head, limits: HttpLimits) -> bytes:
    """The whole body. Stops reading at the limit, so that a liar about Content-Length gains nothing.

    Raises RequestRejected REQUEST_TOO_LARGE or REQUEST_TIMEOUT, and ClientGone.
    """
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limits.body_bytes:
        raise _too_large(limits)
    try:
        with Interruption(limits.body_seconds, TimeoutError):
            return await _received(receive, limits)
    except TimeoutError:
        message_text = f"The body did not arrive within {limits.body_seconds:g} s."
        raise rejected(Code.REQUEST_TIMEOUT, message_text, {"connection": "close"}) from None


async def _received(receive: Receive, limits: HttpLimits) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limits.body_bytes:
            raise _too_large(limits)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def decoded(body: bytes, limits: HttpLimits) -> Any:
    """The JSON value of a body. Raises RequestRejected BAD_REQUEST or VARIABLES_TOO_LARGE.

    A leading byte order mark is ignored (RFC 8259, section 8.1). Repeated names in one object are refused, because
    whoever filtered the request before us may have read the other one; so are NUL characters, which PostgreSQL cannot
    store. Nesting beyond `json_depth`, more values than `json_values` and variables of more than `variables_bytes`,
    which would hold up everybody else, are all VARIABLES_TOO_LARGE: nothing else in a request has a size of its own.
    """
    text = body.removeprefix(UTF8_BOM)
    try:
        value = msgspec.json.decode(text)
    except RecursionError:
        raise _too_deep(limits) from None
    except UnicodeDecodeError:
        raise rejected(Code.BAD_REQUEST, "The body is not valid UTF-8.") from None
    except msgspec.DecodeError as error:
        raise rejected(Code.BAD_REQUEST, f"The body is not valid JSON: {error}") from None
    names = _checked(value, limits)
    if NUL in text:
        _check_texts(value)
    found = STRING_AND_COLON.findall(text)
    if names != len(found) - found.count(b""):
        raise rejected(Code.BAD_REQUEST, "An object in the body names a member twice.")
    if len(text) > limits.variables_bytes:
        _check_variables(value, limits)
    return value


def operation_request(value: object) -> OperationRequest:
    """The request that a JSON object describes; members we do not know are ignored. Raises RequestRejected."""
    if not isinstance(value, dict):
        raise rejected(Code.BAD_REQUEST, "A request is a JSON object with `query` and perhaps `variables`.")
    return OperationRequest(
        query=_member(value, "query", str, "a string"),
        operation_name=_member(value, "operationName", str, "a string"),
        variables=_member(value, "variables", dict, "an object") or {},
        extensions=_member(value, "extensions", dict, "an object") or {},
        document_id=_member(value, "documentId", str, "a string"),
    )


def query_string_request(query_string: bytes, limits: HttpLimits) -> OperationRequest:
    """The request of a GET: `variables` and `extensions` are JSON. Raises RequestRejected."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS
        )
    except UnicodeDecodeError:
        raise rejected(Code.BAD_REQUEST, "The query string is not valid UTF-8.") from None
    except ValueError:
        raise rejected(Code.BAD_REQUEST, f"The query string has more than {MAX_QUERY_FIELDS} fields.") from None
    return operation_request(_parameters(pairs, limits))


def _parameters(pairs: Sequence[tuple[str, str]], limits: HttpLimits) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, text in pairs:
        if name not in PARAMETERS:
            continue
        if name in found:
            raise rejected(Code.BAD_REQUEST, f"`{name}` is given twice.")
        if name in {"variables", "extensions"}:
            try:
                found[name] = decoded(text.encode(), limits) if text else None
            except RequestRejected as error:
                raise rejected(error.code, f"`{name}`: {error.errors[0].message}") from None
        else:
            found[name] = text
    return found


def _member(value: dict[str, Any], name: str, kind: type, words: str) -> Any:
    member = value.get(name)
    if member is None or isinstance(member, kind):
        return member
    raise rejected(Code.BAD_REQUEST, f"`{name}` must be {words} or null.")


def _checked(value: object, limits: HttpLimits) -> int:
    """The number of object members in `value`."""
    names = values = 0
    pending = _containers((value,), 1)
    while pending:
        item, depth = pending.pop()
        values += len(item)
        if values > limits.json_values:
            raise rejected(Code.VARIABLES_TOO_LARGE, f"The body holds more than {limits.json_values} values.")
        if depth > limits.json_depth:
            raise _too_deep(limits)
        if isinstance(item, dict):
            names += len(item)
            pending += _containers(item.values(), depth + 1)
        else:
            pending += _containers(item, depth + 1)
    return names


def _containers(values: Iterable[object], depth: int) -> list[tuple[dict[str, Any] | list[Any], int]]:
    """Those that have children of their own, at this depth."""
    return [(value, depth) for value in values if isinstance(value, dict | list)]


def _check_texts(value: object) -> None:
    """Goes as deep as the value is nested, which `_checked` bounds."""
    if isinstance(value, str):
        if "\x00" in value:
            raise rejected(Code.BAD_REQUEST, "A string in the body contains U+0000.")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_texts(name)
            _check_texts(member)
    elif isinstance(value, list):
        for item in value:
            _check_texts(item)


def _check_variables(value: object, limits: HttpLimits) -> None:
    for request in value if isinstance(value, list) else [value]:
        variables = request.get("variables") if isinstance(request, dict) else None
        if len(msgspec.json.encode(variables)) > limits.variables_bytes:
            message = f"The variables are larger than {limits.variables_bytes} bytes: send them in several requests."
            raise rejected(Code.VARIABLES_TOO_LARGE, message)


def _too_large(limits: HttpLimits) -> RequestRejected:
    headers = {"connection": "close"}
    return rejected(Code.REQUEST_TOO_LARGE, f"The body is larger than {limits.body_bytes} bytes.", headers)


def _too_deep(limits: HttpLimits) -> RequestRejected:
    return rejected(Code.VARIABLES_TOO_LARGE, f"The body is nested more than {limits.json_depth} levels deep.")
