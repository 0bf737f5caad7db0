"""Text as use cases accept it: trimmed, bounded, storable. For the fields of input models."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError


def _storable(text: str) -> str:
    # PostgreSQL stores every character but NUL; lone surrogates have no UTF-8.
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise PydanticCustomError("unstorable_character", "The text holds a NUL or half of a surrogate pair.")
    return text


def _web_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and not any(c.isspace() for c in text)
    except ValueError:
        valid = False
    if not valid:
        raise PydanticCustomError("invalid_url", "This must be an absolute http or https URL.")
    return text


def _not_null(value: object) -> object:
    if value is None:
        raise PydanticCustomError("null_not_allowed", "This can be left out, but it cannot be null.")
    return value


def optional(description: str, **constraints: Any) -> Any:
    """A field that may be left out: unlike `Field(None)`, `exclude_unset` then tells it from an explicit null."""
    return Field(default_factory=_none, description=description, **constraints)


def _none() -> None:
    return None


Storable = AfterValidator(_storable)
NotNull = BeforeValidator(_not_null)
"""For optional changes of columns that are never null: leaving the field out keeps the value, null is an error."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Storable]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]
LongText = Annotated[str, StringConstraints(max_length=100_000), Storable]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Storable]
SearchText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Storable]
WebUrl = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000), Storable, AfterValidator(_web_url)]
