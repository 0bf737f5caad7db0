"""The `info` argument of every resolver: `info.context` is the operation's RequestContext."""

import strawberry

from resolvers.context import RequestContext

Info = strawberry.Info[RequestContext, None]
