"""Promo codes: what listeners type at checkout, and what placements and conversions are matched by."""

from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

LONGEST_PROMO_CODE: Final = 64
"""Characters."""


def _promo_code(text: str) -> str:
    # Before upper(), which would make 'ß' two ASCII letters.
    if not (text.isascii() and text.replace("-", "").replace("_", "").isalnum()):
        raise PydanticCustomError(
            "invalid_promo_code", "A promo code has letters A to Z, digits, '-' and '_' only, and not only these two."
        )
    return text.upper()


PromoCode = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_PROMO_CODE),
    AfterValidator(_promo_code),
]
"""Upper-case: listeners type it as they like."""
