"""Access tokens: what is verified, and every attack on a JWT that we know of."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from gateway.auth.access_tokens import AUDIENCE, ISSUER, LEEWAY, Bearer, Keyring
from persistence.ids import SessionId, UserId
from resolvers.errors import Unauthenticated
from tests.identity import Clock

OLD, NEW, FOREIGN = (
    "an old signing key of 32 bytes...",
    "a new signing key of 32 bytes...",
    "somebody else's key of 32 bytes",
)
LIFETIME = timedelta(minutes=15)
ADA = Bearer(user_id=UserId(7), session_id=SessionId(3))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(clock: Clock) -> Keyring:
    return Keyring([NEW], lifetime=LIFETIME, clock=clock)


def issued(ring: Keyring) -> str:
    return ring.issued(ADA.user_id, ADA.session_id).text


def header(ring: Keyring) -> dict[str, Any]:
    return dict(jwt.get_unverified_header(issued(ring)))


def claims(ring: Keyring) -> dict[str, Any]:
    return dict(jwt.decode(issued(ring), options={"verify_signature": False}))


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def refuse(ring: Keyring, text: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        ring.verified(text)
    assert refused.value.message == "The access token is expired or not ours: refresh it or sign in again."


def test_issued_token_names_its_user_and_login_for_fifteen_minutes(ring: Keyring, clock: Clock) -> None:
    token = ring.issued(ADA.user_id, ADA.session_id)
    assert token.expires_at == clock.now + LIFETIME
    assert ring.verified(token.text) == ADA
    assert claims(ring) == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "7",
        "sid": "3",
        "iat": int(clock.now.timestamp()),
        "exp": int((clock.now + LIFETIME).timestamp()),
    }


def test_token_ends_at_its_time_and_the_leeway(ring: Keyring, clock: Clock) -> None:
    text = issued(ring)
    clock.now += LIFETIME + LEEWAY - timedelta(seconds=1)
    assert ring.verified(text) == ADA
    clock.now += timedelta(seconds=1)
    refuse(ring, text)


def test_first_key_signs_and_all_verify(ring: Keyring, clock: Clock) -> None:
    before = Keyring([OLD], lifetime=LIFETIME, clock=clock)
    during = Keyring([NEW, OLD], lifetime=LIFETIME, clock=clock)
    assert during.verified(issued(before)) == ADA
    assert ring.verified(issued(during)) == ADA
    refuse(ring, issued(before))


def test_token_that_was_verified_before_ends_all_the_same(ring: Keyring, clock: Clock) -> None:
    text = issued(ring)
    assert [ring.verified(text) for _ in range(2)] == [ADA, ADA]
    refuse(ring, f"{text[:-4]}AAAA")
    clock.now += LIFETIME + LEEWAY
    refuse(ring, text)
    refuse(ring, text)


def test_key_id_does_not_hold_the_key(ring: Keyring) -> None:
    assert len(header(ring)["kid"]) == 16
    assert header(ring)["kid"] not in NEW


def test_unsigned_token_is_refused(ring: Keyring) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        head = part({**header(ring), "alg": algorithm})
        refuse(ring, f"{head}.{part(claims(ring))}.")
        refuse(ring, f"{head}.{part(claims(ring))}.{issued(ring).split('.')[2]}")


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_another_algorithm_of_the_right_key_is_refused(ring: Keyring, algorithm: str) -> None:
    refuse(ring, jwt.encode(claims(ring), NEW, algorithm, headers={"kid": header(ring)["kid"]}))


@pytest.mark.parametrize("kid", ["", "0" * 16, "../../dev/null", "' OR 1=1 --", 7, None, ["x"], {"x": 1}])
def test_unknown_key_id_is_refused(ring: Keyring, kid: object) -> None:
    _, body, signature = issued(ring).split(".")
    refuse(ring, f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{body}.{signature}")


def test_token_without_a_key_id_is_refused(ring: Keyring) -> None:
    refuse(ring, jwt.encode(claims(ring), NEW, "HS256"))


def test_foreign_signature_under_our_key_id_is_refused(ring: Keyring) -> None:
    refuse(ring, jwt.encode(claims(ring), FOREIGN + ".", "HS256", headers={"kid": header(ring)["kid"]}))


def test_key_named_inside_the_token_is_not_used(ring: Keyring) -> None:
    key = {"kty": "oct", "k": base64.urlsafe_b64encode(FOREIGN.encode()).decode()}
    headers = {"kid": header(ring)["kid"], "jwk": key, "jku": "https://attacker.example/keys"}
    refuse(ring, jwt.encode(claims(ring), FOREIGN + ".", "HS256", headers=headers))


def test_tampered_claims_are_refused(ring: Keyring) -> None:
    head, _, signature = issued(ring).split(".")
    refuse(ring, f"{head}.{part({**claims(ring), 'sub': '8'})}.{signature}")


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another-api"},
        {"aud": [AUDIENCE]},
        {"aud": [AUDIENCE, "another-api"]},
        {"aud": None},
        {"iss": "another"},
        {"iss": None},
        {"sub": None},
        {"sub": "0"},
        {"sub": "-7"},
        {"sub": "7 "},
        {"sub": "\u0667"},
        {"sub": "9" * 30},
        {"sid": None},
        {"sid": 3},
        {"sid": "three"},
        {"iat": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 10**30},
        {"exp": -(10**30)},
        {"exp": True},
        {"nbf": 10**11},
    ],
)
def test_signed_token_with_other_claims_is_refused(ring: Keyring, change: dict[str, Any]) -> None:
    changed = {name: value for name, value in {**claims(ring), **change}.items() if value is not None}
    refuse(ring, jwt.encode(changed, NEW, "HS256", headers={"kid": header(ring)["kid"]}))


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "é.é.é", "\x00", "x" * 5_000, "e30.e30.e30", "null.null.null"]
)
def test_what_is_no_token_is_refused(ring: Keyring, text: str) -> None:
    refuse(ring, text)


def test_ring_without_keys_or_with_a_short_one_is_refused() -> None:
    def now() -> datetime:
        return datetime.now(UTC)

    with pytest.raises(ValueError, match="need a signing key"):
        Keyring([], lifetime=LIFETIME, clock=now)
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Keyring([NEW, "short"], lifetime=LIFETIME, clock=now)
