"""The `info` argument of every resolver: `info.context` is the operation's RequestContext."""

import strawberry

from persistence.projections import Reads
from resolvers.context import RequestContext


class Info(strawberry.Info[RequestContext, None]):
    """Strawberry's own, and what the executor knows beside it."""

    @property
    def reads(self) -> Reads:
        """The attributes that will be read of the records which the field returns; None for all of them."""
        raw = self._raw_info
        return self.context.answers.reads.get((raw.parent_type.name, id(raw.field_nodes[0])))
