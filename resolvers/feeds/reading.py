"""One value of a feed at a time: what publishers write, read as what they mean; None where it means nothing.

`warn` is called with what was left out. Limits are in characters unless named otherwise.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from resolvers.feeds.reasons import Oddity
from resolvers.feeds.text import Warn, without_controls
from resolvers.feeds.values import EpisodeType

TITLE_LIMIT: Final = 500
DESCRIPTION_LIMIT: Final = 100_000
NAME_LIMIT: Final = 500
URL_LIMIT: Final = 2_048
LONGEST_DURATION: Final = 31 * 24 * 3600
"""In seconds: longer than any episode, shorter than a millisecond count mistaken for seconds."""

_LONGEST_WORDING = 60
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,6}):(\d{1,2})(?:[.,]\d{0,9})?", re.ASCII)
_SECONDS = re.compile(r"(\d{1,9})(?:[.,]\d{0,9})?", re.ASCII)
_UNITS = re.compile(
    r"(?:PT)?(?=\d)(?:(\d{1,4})\s*h(?:ours?|rs?)?)?[\s,]*(?:(\d{1,6})\s*m(?:in(?:ute)?s?)?)?[\s,]*"
    r"(?:(\d{1,7})(?:\.\d{0,9})?\s*s(?:ec(?:ond)?s?)?)?",
    re.IGNORECASE | re.ASCII,
)
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_EMAIL = re.compile(r"[^\s@()<>,;:\"]{1,64}@[^\s@()<>,;:\"]{1,255}")
_SAME_TYPE: Mapping[str, str] = MappingProxyType(
    {
        "audio/mp3": "audio/mpeg",
        "audio/mpeg3": "audio/mpeg",
        "audio/x-mp3": "audio/mpeg",
        "audio/x-mpeg": "audio/mpeg",
        "audio/x-mpeg-3": "audio/mpeg",
        "audio/mpg": "audio/mpeg",
        "audio/m4a": "audio/mp4",
        "audio/x-m4a": "audio/mp4",
        "audio/x-wav": "audio/wav",
    }
)
_TYPE_OF_SUFFIX: Mapping[str, str] = MappingProxyType(
    {
        "mp3": "audio/mpeg",
        "m4a": "audio/mp4",
        "aac": "audio/aac",
        "ogg": "audio/ogg",
        "opus": "audio/opus",
        "wav": "audio/wav",
        "mp4": "video/mp4",
        "m4v": "video/x-m4v",
        "mov": "video/quicktime",
        "pdf": "application/pdf",
    }
)
_YES = frozenset({"yes", "true", "explicit", "1"})
_NO = frozenset({"no", "false", "clean", "0"})


def line(value: object, limit: int, name: str, warn: Warn) -> str | None:
    """`value` as `text` returns it, in one line."""
    return text(re.sub(r"\s+", " ", without_controls(value)) if isinstance(value, str) else value, limit, name, warn)


def text(value: object, limit: int, name: str, warn: Warn) -> str | None:
    """`value` without control characters and at most `limit` long; None for nothing."""
    if not isinstance(value, str):
        return None
    clean = without_controls(value)
    if len(clean) > limit:
        warn(Oddity.LONG_TEXT, f"{name} is longer than {limit} characters and was cut")
        clean = clean[:limit].rstrip()
    return clean or None


def name_without_address(value: object, name: str, warn: Warn) -> str | None:
    """A person's or a company's name, without the e-mail address that some publishers put there: personal data."""
    written = line(value, NAME_LIMIT, name, warn)
    if written is None or "@" not in written:
        return written
    return re.sub(r"\s+", " ", re.sub(r"[()<>\[\]]", " ", _EMAIL.sub(" ", written))).strip() or None


def web_address(value: object, base_url: str | None, name: str, warn: Warn) -> str | None:
    """An absolute http or https URL, resolved against `base_url`; blanks and non-ASCII characters are escaped."""
    if not isinstance(value, str) or not (written := without_controls(value)):
        return None
    try:
        absolute = urljoin(base_url, written) if base_url is not None else written
        absolute = absolute if len(absolute) <= URL_LIMIT else ""
        parts = urlsplit(re.sub(r"\s", "%20", absolute))
        host, _ = parts.hostname, parts.port
        escaped = _escaped(parts, host or "")
    except (ValueError, UnicodeError):  # brackets that are no IPv6 address, ports out of range, hosts that IDNA refuses
        host, escaped = None, ""
    if not host or not escaped.lower().startswith(("http://", "https://")) or len(escaped) > URL_LIMIT:
        warn(Oddity.BAD_URL, f"{name} is not a usable http or https URL")
        return None
    return escaped


def _escaped(parts: SplitResult, host: str) -> str:
    authority = parts.netloc if host.isascii() else parts.netloc.replace(host, host.encode("idna").decode("ascii"))
    if not authority.isascii():
        raise ValueError("the authority is not ASCII")
    safe = "!#$%&'()*+,/:;=?@[]~^|{}\\"
    return parts._replace(
        netloc=authority,
        path=quote(parts.path, safe=safe),
        query=quote(parts.query, safe=safe),
        fragment=quote(parts.fragment, safe=safe),
    ).geturl()


def duration_seconds(value: object, warn: Warn) -> int | None:
    """Seconds, from "3723", "62:03", "1:02:03", "1h 2m 3s" or "PT1H2M3S"; None for zero, which means unknown."""
    if not isinstance(value, str) or not (written := without_controls(value)):
        return None
    total: int | None = None
    if len(written) > _LONGEST_WORDING:
        pass  # the patterns below take time that grows with the square of a run of blanks
    elif (match := _SECONDS.fullmatch(written)) is not None:
        total = int(match[1])
    elif (match := _CLOCK.fullmatch(written) or _UNITS.fullmatch(written)) is not None:
        total = int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + int(match[3] or 0)
    if total is None or total > LONGEST_DURATION:
        warn(Oddity.BAD_DURATION, f"the duration {written[:40]!r} cannot be read")
        return None
    return total or None


def ordinal(value: object, name: str, warn: Warn) -> int | None:
    """The number of a season or episode, 0 to 999,999,999."""
    if not isinstance(value, str) or not (written := without_controls(value)):
        return None
    if re.fullmatch(r"[0-9]{1,9}", written) is None:
        warn(Oddity.BAD_NUMBER, f"the {name} {written[:40]!r} is not a whole number")
        return None
    return int(written)


def byte_count(value: object, warn: Warn) -> int | None:
    """An enclosure's length in bytes; None for 0 and for nothing, both of which mean unknown."""
    if not isinstance(value, str) or not (written := without_controls(value)):
        return None
    if re.fullmatch(r"[0-9]{1,18}", written) is None:
        warn(Oddity.BAD_NUMBER, f"the enclosure's length {written[:40]!r} is not a number of bytes")
        return None
    return int(written) or None


def media_type(value: object, url: str | None) -> str | None:
    """The enclosure's type as registered, without parameters; taken from the URL's suffix where none is given."""
    written = without_controls(value).partition(";")[0].strip().lower() if isinstance(value, str) else ""
    if _MEDIA_TYPE.fullmatch(written) is not None:
        return _SAME_TYPE.get(written, written)
    if url is None:
        return None
    return _TYPE_OF_SUFFIX.get(urlsplit(url).path.rpartition(".")[2].lower())


def yes_or_no(value: object) -> bool | None:
    """itunes:explicit and its like in all their spellings; None for anything else."""
    word = without_controls(value).lower() if isinstance(value, str) else ""
    return True if word in _YES else False if word in _NO else None


def episode_type(value: object) -> EpisodeType:
    """itunes:episodeType; FULL unless it says otherwise, as directories do."""
    word = without_controls(value).upper() if isinstance(value, str) else ""
    return EpisodeType(word) if word in EpisodeType.__members__ else EpisodeType.FULL


def language(value: object) -> str | None:
    """A BCP 47 tag as published, with hyphens for underscores."""
    written = without_controls(value).replace("_", "-") if isinstance(value, str) else ""
    return written if _LANGUAGE.fullmatch(written) is not None else None
