"""argon2id in threads: what is stored, what an unknown account costs, and how many run at once."""

import asyncio
import threading

import pytest
from argon2 import Parameters, extract_parameters
from argon2.low_level import Type
from argon2.profiles import CHEAPEST, RFC_9106_LOW_MEMORY

from gateway.auth import passwords as module
from gateway.auth.passwords import Passwords
from resolvers.errors import TooManyAttempts


async def test_hash_is_argon2id_of_its_own_salt_and_matches_its_password_alone() -> None:
    passwords = Passwords()
    first, second = await asyncio.gather(passwords.hashed("a password"), passwords.hashed("a password"))
    assert first != second
    assert extract_parameters(first) == RFC_9106_LOW_MEMORY
    assert RFC_9106_LOW_MEMORY.type is Type.ID
    assert await passwords.matches("a password", first)
    assert not await passwords.matches("another password", first)
    passwords.close()


async def test_unknown_account_never_matches_and_is_verified_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(CHEAPEST)
    verified: list[str] = []
    real = passwords._matches

    def counted(password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        return real(password_hash, password)

    monkeypatch.setattr(passwords, "_matches", counted)
    assert not await passwords.matches("a password", None)
    [nobodys] = verified
    assert extract_parameters(nobodys) == CHEAPEST
    passwords.close()


async def test_hash_of_other_parameters_is_outdated() -> None:
    passwords = Passwords(CHEAPEST)
    stronger = Passwords(Parameters(Type.ID, 19, 16, 32, 2, 16, 1))
    hashed = await passwords.hashed("a password")
    assert (passwords.outdated(hashed), stronger.outdated(hashed)) == (False, True)
    passwords.close()
    stronger.close()


async def test_no_more_hashes_run_at_once_than_there_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(CHEAPEST, at_once=2)
    together, most = 0, 0
    lock, both = threading.Lock(), threading.Barrier(2)
    real = passwords._matches

    def counted(password_hash: str, password: str) -> bool:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        both.wait(timeout=5)
        result = real(password_hash, password)
        with lock:
            together -= 1
        return result

    monkeypatch.setattr(passwords, "_matches", counted)
    await asyncio.gather(*(passwords.matches("a password", None) for _ in range(8)))
    assert most == 2
    passwords.close()


async def test_who_comes_when_too_many_wait_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    passwords = Passwords(CHEAPEST)
    outcomes = await asyncio.gather(*(passwords.hashed("a password") for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(TooManyAttempts) == 2
    assert await passwords.hashed("a password")
    passwords.close()
