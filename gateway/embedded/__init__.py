"""PostgreSQL from a wheel, for a machine that has none."""

from gateway.embedded.failures import EmbeddedError
from gateway.embedded.postgres import EmbeddedPostgres

__all__ = ["EmbeddedError", "EmbeddedPostgres"]
