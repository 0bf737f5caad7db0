"""Access tokens: JWTs signed with HS256. The first key of the ring signs, all verify: put a new one in front to rotate.

A token names its key in the header `kid`, which is derived from the key. What the token allows is not in it: the role
is looked up for each request, and so is whether the login was ended.
"""

import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

import jwt
import msgspec

from persistence.ids import SessionId, UserId
from resolvers.errors import Unauthenticated
from resolvers.identity.ports import AccessToken

ALGORITHM: Final = "HS256"
ISSUER: Final = "podgraph"
AUDIENCE: Final = "podgraph-api"
LEEWAY: Final = timedelta(seconds=10)
"""How far the clocks of two gateways may be apart."""

LONGEST: Final = 2_000
_REMEMBERED: Final = 10_000
SHORTEST_KEY_BYTES: Final = 32

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_REQUIRED = ["iss", "aud", "sub", "sid", "iat", "exp"]


class Bearer(msgspec.Struct, frozen=True):
    """Whom a token was given to, and in which login."""

    user_id: UserId
    session_id: SessionId


class _Token(msgspec.Struct, frozen=True):
    """What a token of ours says; it may have expired."""

    bearer: Bearer
    expires_at: datetime


class Keyring:
    """Implements `resolvers.identity.ports.AccessTokens`, and verifies what it issued. `lifetime` is of each token."""

    def __init__(self, keys: Sequence[str], *, lifetime: timedelta, clock: Callable[[], datetime]) -> None:
        if not keys:
            raise ValueError("access tokens need a signing key")
        if any(len(key.encode()) < SHORTEST_KEY_BYTES for key in keys):
            raise ValueError(f"a signing key needs at least {SHORTEST_KEY_BYTES} bytes")
        self._keys: Mapping[str, str] = MappingProxyType({_key_id(key): key for key in keys})
        self._signer = _key_id(keys[0])
        self._lifetime = lifetime
        self._clock = clock
        self._known: OrderedDict[bytes, _Token] = OrderedDict()
        """Tokens whose signatures are good, by the SHA-256 of their text. The keys are the same for the ring's life."""

    def issued(self, user_id: UserId, session_id: SessionId) -> AccessToken:
        now = self._clock().replace(microsecond=0)
        expires_at = now + self._lifetime
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": now,
            "exp": expires_at,
        }
        text = jwt.encode(claims, self._keys[self._signer], ALGORITHM, headers={"kid": self._signer})
        return AccessToken(text=text, expires_at=expires_at)

    def verified(self, text: str) -> Bearer:
        """Raises Unauthenticated for anything that is not an unexpired token of ours, without saying why."""
        if len(text) > LONGEST:
            raise _refused()
        digest = sha256(text.encode(errors="surrogatepass")).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._known[digest] = self._read(text)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(digest)
        if known.expires_at + LEEWAY <= self._clock():
            raise _refused()
        return known.bearer

    def _read(self, text: str) -> "_Token":
        try:
            claims = self._claims(text)
            expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        except (jwt.PyJWTError, TypeError, ValueError, OverflowError, OSError):
            raise _refused() from None
        subject, session = claims["sub"], claims["sid"]
        if not (isinstance(session, str) and _NUMBER.fullmatch(session) and _NUMBER.fullmatch(subject)):
            raise _refused()
        return _Token(Bearer(user_id=UserId(int(subject)), session_id=SessionId(int(session))), expires_at)

    def _claims(self, text: str) -> dict[str, Any]:
        key = self._keys.get(str(jwt.get_unverified_header(text).get("kid")))
        if key is None:
            raise jwt.InvalidKeyError
        return jwt.decode(
            text,
            key,
            [ALGORITHM],
            # PyJWT compares times with a clock of its own; ours is an argument.
            options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "strict_aud": True},
            audience=AUDIENCE,
            issuer=ISSUER,
        )


def _key_id(key: str) -> str:
    return hmac.digest(key.encode(), b"podgraph access token key id", "sha256").hex()[:16]


def _refused() -> Unauthenticated:
    return Unauthenticated("The access token is expired or not ours: refresh it or sign in again.")
