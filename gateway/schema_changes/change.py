"""One judged difference between two schemas."""

from enum import StrEnum

import msgspec

from gateway.schema_changes.elements import Coordinate


class Severity(StrEnum):
    """What a change does to operations that clients have already written."""

    BREAKING = "breaking"
    """Some valid operation becomes invalid, or its result or input changes its shape."""

    DANGEROUS = "dangerous"
    """Every operation stays valid, but a client may meet what it did not expect."""

    SAFE = "safe"
    """No client can tell."""


class Change(msgspec.Struct, frozen=True):
    """One difference.

    `kind` is the name of graphql-core's kind, or one of `omissions`. `coordinate` is None where graphql-core did not
    say where. `excuse` says why a removal that would break is only dangerous, `users` who is known to use what breaks.
    """

    severity: Severity
    kind: str
    coordinate: Coordinate | None
    description: str
    excuse: str | None = None
    users: str | None = None
