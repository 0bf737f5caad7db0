"""Email addresses, passwords and names as the identity use cases accept them."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from resolvers.texts import Storable

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD_BYTES = 1_024

_EMAIL = re.compile(r'[^\s@"(),:;<>\[\\\]\x00-\x1f]{1,64}@(?:\w(?:[\w-]{0,61}\w)?\.)+\w(?:[\w-]{0,61}\w)?')


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise PydanticCustomError("invalid_email", "This must be an email address, such as 'ada@example.com'.")
    return unicodedata.normalize("NFC", text).lower()


def _password(text: str) -> str:
    # One password may be typed in several forms of Unicode (NIST SP 800-63B, 3.1.1.2).
    password = unicodedata.normalize("NFKC", text)
    if len(password.encode()) > LONGEST_PASSWORD_BYTES:
        message = f"A password has at most {LONGEST_PASSWORD_BYTES:,} bytes."
        raise PydanticCustomError("password_too_long", message)
    return password


def _new_password(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        message = f"A password needs at least {SHORTEST_PASSWORD} characters."
        raise PydanticCustomError("password_too_short", message)
    if len(set(password)) == 1:
        raise PydanticCustomError("password_too_simple", "This is one character repeated: choose another password.")
    return password


EmailAddress = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=254), Storable, AfterValidator(_email)
]
"""In lower case: two addresses that differ in case alone are one account."""

Password = Annotated[str, StringConstraints(max_length=LONGEST_PASSWORD_BYTES), Storable, AfterValidator(_password)]
"""A password to check: whatever one could be set."""

NewPassword = Annotated[Password, AfterValidator(_new_password)]
"""Long, and no other rules (NIST SP 800-63B, 3.1.1.2)."""

SecretText = Annotated[str, Field(max_length=200), Storable]
"""A token as it was shown; whether it is one is found out by looking it up."""
