"""The loaders of one operation, made when first asked for."""

import asyncio
from typing import Any, TypeVar

import msgspec

from persistence.ids import TenantId
from persistence.pages import Slice
from persistence.projections import Reads
from persistence.repositories.owned import OwnedRows
from resolvers.loaders.rows import (
    CountByParentLoader,
    CountLoader,
    PageByParentLoader,
    PageLoader,
    RecordByIdLoader,
)
from resolvers.loaders.source import Source, TenantLoader
from resolvers.policy import no_tenant

L = TypeVar("L", bound=TenantLoader[Any, Any])
R = TypeVar("R", bound=msgspec.Struct)


class Loaders:
    """`loaders.of(SomeLoader, arguments)` is one and the same loader throughout an operation.

    A loader's arguments (a repository, a slice, a filter) are part of its identity, so they are frozen values.
    """

    def __init__(self, source: Source, tenant_id: TenantId | None) -> None:
        self._source = source
        self._tenant_id = tenant_id
        self._loaders: dict[tuple[object, ...], TenantLoader[Any, Any]] = {}
        self.sole: asyncio.Task[Any] | None = None
        """See `Loader`: of those that are made from now on."""

    def of(self, kind: type[L], *arguments: object) -> L:
        loader = self._loaders.get((kind, *arguments))
        if loader is None:
            if self._tenant_id is None:
                raise no_tenant()
            loader = self._loaders[kind, *arguments] = kind(self._source, self._tenant_id, *arguments)
            loader.sole = self.sole
        return loader  # type: ignore[return-value]  # the key holds the kind

    def by_id(self, rows: type[OwnedRows[R, Any]], reads: Reads = None) -> RecordByIdLoader[R]:
        return self.of(RecordByIdLoader, rows, reads)

    def page(self, rows: type[OwnedRows[R, Any]], part: Slice, wanted: object, reads: Reads = None) -> PageLoader[R]:
        return self.of(PageLoader, rows, part, wanted, reads)

    def pages(
        self, rows: type[OwnedRows[R, Any]], parent: str, part: Slice, wanted: object, reads: Reads = None
    ) -> PageByParentLoader[R]:
        return self.of(PageByParentLoader, rows, parent, part, wanted, reads)

    def counts(self, rows: type[OwnedRows[Any, Any]], parent: str, wanted: object) -> CountByParentLoader:
        return self.of(CountByParentLoader, rows, parent, wanted)

    def count(self, rows: type[OwnedRows[Any, Any]]) -> CountLoader:
        return self.of(CountLoader, rows)

    def stop(self) -> None:
        """When the operation is over: what is still being loaded is for nobody."""
        for loader in self._loaders.values():
            loader.stop()

    def clear(self) -> None:
        """After a write: what is fetched next shows it."""
        for loader in self._loaders.values():
            loader.clear()
