"""What a development machine makes for itself and keeps in its data directory: signing keys and the demo's login."""

import os
import secrets
from pathlib import Path

import msgspec
from pydantic import SecretStr

from gateway.settings import Auth, Environment, Settings

DEMO_EMAIL = "demo@example.com"


class DamagedFile(Exception):
    """A file of the data directory does not say what it should; the message says what to delete."""


class DevelopmentSecrets(msgspec.Struct, frozen=True):
    """Made once per data directory; the file is readable by its owner alone."""

    signing_key: str
    hash_key: str
    demo_password: str


def development_secrets(data_dir: Path) -> DevelopmentSecrets:
    """The data directory's secrets, made on first use. Raises OSError, DamagedFile."""
    path = data_dir / "secrets.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=DevelopmentSecrets)
    except FileNotFoundError:
        made = DevelopmentSecrets(
            signing_key=secrets.token_urlsafe(48),
            hash_key=secrets.token_urlsafe(32),
            demo_password=secrets.token_urlsafe(12),
        )
        write_private(path, msgspec.json.encode(made))
        return made
    except msgspec.MsgspecError as error:
        raise DamagedFile(
            f"{path} is damaged: delete it and start again, which makes new keys; everybody has to sign in anew."
        ) from error


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    partial.rename(path)


def with_development_secrets(settings: Settings) -> Settings:
    """The settings, with keys from the data directory where none are set; production settings stay as they are."""
    if settings.environment is Environment.PRODUCTION or (settings.auth.signing_keys and settings.auth.hash_key):
        return settings
    made = development_secrets(settings.data_dir)
    auth = Auth(
        **{
            **settings.auth.model_dump(),
            "signing_keys": settings.auth.signing_keys or (SecretStr(made.signing_key),),
            "hash_key": settings.auth.hash_key or SecretStr(made.hash_key),
        }
    )
    return settings.model_copy(update={"auth": auth})
