"""From a request to the text of its document: sent as it is, by the hash of a persisted query, or by a registered id.

    text    query                                       checked against the hash, if one is sent too
    hash    extensions.persistedQuery {version: 1, sha256Hash}      persisted, or registered under it
    id      documentId                                  registered

With trusted documents required, a text runs when its SHA-256 is registered, whichever way it came.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from graphql import FieldNode, GraphQLError, OperationDefinitionNode, parse

from gateway.documents.limits import INTROSPECTION_FIELDS
from gateway.documents.persisted import PersistedQueries
from gateway.documents.registered import RegisteredTexts
from gateway.errors import Code, rejected
from gateway.settings import TrustedDocuments
from ops.telemetry.logging import logger
from ops.telemetry.metrics import ClientMetrics
from persistence.errors import PersistenceError
from resolvers.billing.spending import Client

LOGGED: Final = 1_000
"""Untrusted texts that a process names in its log, each once; the metric counts all."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_OPERATION: Final = re.compile(r"\b(?:query|mutation|subscription)\s+([_A-Za-z]\w{0,99})", re.ASCII)
_INTROSPECTION: Final = INTROSPECTION_FIELDS | {"__typename"}
_INTROSPECTION_TOKENS: Final = 1_000

log = logger(__name__)


class Asked(Protocol):
    """What of an OperationRequest says which document it wants."""

    @property
    def query(self) -> str | None:
        """The text."""

    @property
    def document_id(self) -> str | None:
        """A registered id."""

    @property
    def extensions(self) -> Mapping[str, Any]:
        """Perhaps with `persistedQuery`."""


class DocumentSource:
    """The ways to a text. `persisted` is None where persisted queries are off."""

    def __init__(
        self,
        registered: RegisteredTexts,
        persisted: PersistedQueries | None,
        trusted: TrustedDocuments,
        metrics: ClientMetrics,
    ) -> None:
        self._registered = registered
        self._persisted = persisted
        self._trusted = trusted
        self._metrics = metrics
        self._logged: set[str] = set()

    async def text(self, request: Asked, client: Client, *, may_introspect: bool) -> str:
        """The text to parse. Raises RequestRejected, and PersistenceError when only the database could tell.

        Where trusted documents are required, introspection runs unregistered for whoever may introspect: tools need
        it, it tells no more than /schema.graphql tells the same people, and it reaches no data.
        """
        digest = _persisted_digest(request.extensions)
        if request.document_id is not None:
            if request.query is not None:
                raise rejected(Code.BAD_REQUEST, "Send `query` or `documentId`, not both.")
            return await self._of_id(request.document_id)
        if request.query is None:
            if digest is None:
                raise rejected(Code.BAD_REQUEST, "The request has neither `query` nor `documentId`.")
            text = await self._of_digest(digest)
        else:
            text = request.query
            if digest is not None and self._persisted is not None and _digest(text) != digest:
                raise rejected(
                    Code.PERSISTED_QUERY_MISMATCH, "`sha256Hash` is not the SHA-256 of `query`: send the right one."
                )
        if self._trusted is not TrustedDocuments.OFF:
            await self._check_trust(text, client, may_introspect=may_introspect)
        return text

    async def keep(self, request: Asked, text: str) -> None:
        """To be called once the text was found valid: persists it if the request asks for that."""
        if self._persisted is None or request.query is None:
            return
        digest = _persisted_digest(request.extensions)
        if digest is not None:
            await self._persisted.keep(digest, text)

    async def _of_id(self, given: str) -> str:
        text = await self._registered.by_id(given)
        if text is None:
            message = "No document is registered under this `documentId`: see `podgraph documents register`."
            raise rejected(Code.DOCUMENT_NOT_FOUND, message)
        return text

    async def _of_digest(self, digest: str) -> str:
        """Apollo's clients send the ids of their manifest this way too."""
        text = await self._persisted.text(digest) if self._persisted is not None else None
        if text is None:
            text = await self._registered_or_none(digest)
        if text is not None:
            return text
        # These messages are the ones that Apollo's clients know: they answer by sending the text.
        if self._persisted is None:
            raise rejected(Code.PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported")
        raise rejected(Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")

    async def _registered_or_none(self, digest: str) -> str | None:
        try:
            return await self._registered.by_id(digest)
        # The client then sends its text, which needs no database to be found.
        except PersistenceError:
            return None

    async def _check_trust(self, text: str, client: Client, *, may_introspect: bool) -> None:
        digest = _digest(text)
        try:
            if await self._registered.has(digest):
                return
        except PersistenceError:
            if self._trusted is TrustedDocuments.REQUIRED:
                raise
            return
        if may_introspect and _introspects_alone(text):
            return
        if self._trusted is TrustedDocuments.REQUIRED:
            self._metrics.count_untrusted(client.name, "refused")
            message = (
                "Only registered documents run here: register this one with"
                " `podgraph documents register MANIFEST --client NAME`, and send its id as `documentId`."
            )
            raise rejected(Code.DOCUMENT_NOT_TRUSTED, message)
        self._metrics.count_untrusted(client.name, "run")
        self._tell(text, digest, client)

    def _tell(self, text: str, digest: str, client: Client) -> None:
        """Log what would be refused. Not the text: literals in it can be secrets."""
        if digest in self._logged or len(self._logged) >= LOGGED:
            return
        self._logged.add(digest)
        operations = _OPERATION.findall(text)[:5]
        log.warning(
            "document.not_trusted", sha256=digest, operations=operations, client=client.name, version=client.version
        )


def _persisted_digest(extensions: Mapping[str, Any]) -> str | None:
    """The hash of Apollo's protocol, if the request has one. Raises RequestRejected."""
    given = extensions.get("persistedQuery")
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("version") != 1:
        raise rejected(Code.BAD_REQUEST, "`extensions.persistedQuery` is {version: 1, sha256Hash}.")
    digest = given.get("sha256Hash")
    if not isinstance(digest, str) or _DIGEST.fullmatch(digest) is None:
        raise rejected(Code.BAD_REQUEST, "`sha256Hash` is a SHA-256 in 64 lower-case hexadecimal digits.")
    return digest


def _digest(text: str) -> str:
    # An unpaired surrogate, which is no UTF-8, is refused when the text is parsed.
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _introspects_alone(text: str) -> bool:
    """Whether every operation of the text selects nothing but introspection, written without fragments at the root."""
    try:
        document = parse(text, no_location=True, max_tokens=_INTROSPECTION_TOKENS)
    except GraphQLError:
        return False
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    return bool(operations) and all(
        isinstance(field, FieldNode) and field.name.value in _INTROSPECTION
        for operation in operations
        for field in operation.selection_set.selections
    )
