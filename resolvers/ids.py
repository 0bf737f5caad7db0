"""Typed ids as clients see them: a prefix for the kind and the row's number, `cmp_7`.

They serve Relay's `node(id)`, read well in a log and cost nothing to make.
"""

import re
from collections.abc import Sequence

from resolvers.errors import Path, invalid

TENANT = "ten"
USER = "usr"
MEMBERSHIP = "mem"
INVITE = "inv"
API_KEY = "key"
PODCAST = "pod"
EPISODE = "epi"
ADVERTISER = "adv"
CAMPAIGN = "cmp"
LINE_ITEM = "lin"
PLACEMENT = "plc"
IMPRESSION = "imp"
VISIT = "vis"
CONVERSION = "cnv"
RUN = "run"
BILLING_CHANGE = "bch"

_SHAPE = re.compile(r"([a-z]{3})_([1-9][0-9]{0,18})", re.ASCII)
_HOUSEHOLD = re.compile(r"hh_([0-9a-f]{16})", re.ASCII)
_LARGEST = 2**63 - 1


def typed_id(prefix: str, row_id: int) -> str:
    return f"{prefix}_{row_id}"


def split_id(text: str, path: Path) -> tuple[str, int]:
    """The prefix and the number. Raises InvalidInput (INVALID_ID) for anything that is no typed id."""
    match = _SHAPE.fullmatch(text)
    if match is None or int(match[2]) > _LARGEST:
        raise invalid("INVALID_ID", "This is not an id of this graph; ids look like 'cmp_7'.", *path)
    return match[1], int(match[2])


def row_id(text: str, prefix: str, *path: str) -> int:
    """The number behind an id that must be of one kind. Raises InvalidInput (INVALID_ID, WRONG_ID_TYPE)."""
    found, number = split_id(text, path)
    if found != prefix:
        message = f"This id is of another type: expected '{prefix}_…', got '{found}_…'."
        raise invalid("WRONG_ID_TYPE", message, *path)
    return number


def row_ids(texts: Sequence[str], prefix: str, *path: str) -> list[int]:
    """The numbers behind ids that must all be of one kind. Raises as `row_id`, with the place of the wrong one."""
    return [row_id(text, prefix, *path, str(index)) for index, text in enumerate(texts)]


def household_text(household: int) -> str:
    """A household as clients see it: opaque, the same for the same household of the same tenant."""
    return f"hh_{household:016x}"


def household_number(text: str, *path: str) -> int:
    """The inverse of `household_text`. Raises InvalidInput (INVALID_HOUSEHOLD)."""
    match = _HOUSEHOLD.fullmatch(text)
    if match is None or int(match[1], 16) > _LARGEST:
        raise invalid("INVALID_HOUSEHOLD", "This is not a household of this graph: copy one from an event.", *path)
    return int(match[1], 16)
