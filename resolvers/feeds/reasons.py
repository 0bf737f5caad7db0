"""The stable codes of this package; clients match on them, so a code is never renamed or reused."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a whole feed was refused: `FeedRejected.reason`."""

    BAD_URL = "BAD_URL"
    PRIVATE_ADDRESS = "PRIVATE_ADDRESS"
    UNREACHABLE = "UNREACHABLE"
    TIMEOUT = "TIMEOUT"
    TOO_MANY_REDIRECTS = "TOO_MANY_REDIRECTS"
    HTTP_STATUS = "HTTP_STATUS"
    UNSUPPORTED_ENCODING = "UNSUPPORTED_ENCODING"
    INCOMPLETE = "INCOMPLETE"
    TOO_LARGE = "TOO_LARGE"
    UNREADABLE_FILE = "UNREADABLE_FILE"
    NOT_A_FEED = "NOT_A_FEED"
    XML_ENTITIES = "XML_ENTITIES"
    MALFORMED = "MALFORMED"
    TOO_COMPLEX = "TOO_COMPLEX"
    TOO_MANY_ITEMS = "TOO_MANY_ITEMS"


class ItemReason(StrEnum):
    """Why one item of an accepted feed is not among its episodes: `RejectedItem.code`."""

    DUPLICATE_GUID = "DUPLICATE_GUID"
    NO_IDENTITY = "NO_IDENTITY"
    MISPLACED_ITEM = "MISPLACED_ITEM"


class Oddity(StrEnum):
    """What was mended or left out while reading an accepted feed: `FeedWarning.code`."""

    LEADING_CONTENT = "LEADING_CONTENT"
    TRAILING_CONTENT = "TRAILING_CONTENT"
    ENCODING_GUESSED = "ENCODING_GUESSED"
    INVALID_BYTES = "INVALID_BYTES"
    CONTROL_CHARACTERS = "CONTROL_CHARACTERS"
    BAD_ENTITY = "BAD_ENTITY"
    UNDECLARED_PREFIX = "UNDECLARED_PREFIX"
    MISSING_TITLE = "MISSING_TITLE"
    NO_GUID = "NO_GUID"
    LONG_GUID = "LONG_GUID"
    NO_ENCLOSURE = "NO_ENCLOSURE"
    MANY_ENCLOSURES = "MANY_ENCLOSURES"
    BAD_DATE = "BAD_DATE"
    BAD_DURATION = "BAD_DURATION"
    BAD_NUMBER = "BAD_NUMBER"
    BAD_URL = "BAD_URL"
    LONG_TEXT = "LONG_TEXT"
    MORE_WARNINGS = "MORE_WARNINGS"
