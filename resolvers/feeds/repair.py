"""Sloppy XML made well-formed, where only one repair is possible; nothing here ever closes what was left open.

Hence a truncated feed stays ill-formed and is refused, while a stray ampersand costs a warning.
"""

import html.entities
import re

from resolvers.errors import FeedRejected
from resolvers.feeds.reasons import Oddity, Reason
from resolvers.feeds.text import Warn, xml_allows

# Sections in which nothing needs mending come first; an unterminated one takes the rest, so that the scan is linear.
_SUSPECT = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)"
    r"|&(?!(?:amp|lt|gt|quot|apos);)(?:\#(?P<decimal>[0-9]{1,7});|\#[xX](?P<hex>[0-9A-Fa-f]{1,6});"
    r"|(?P<name>[A-Za-z][A-Za-z0-9]{0,31});)?"
    r"|<(?![A-Za-z_:/!?])",
    re.DOTALL,
)
_PREFIXED = re.compile(r"(?:</?|\s)([A-Za-z_][\w.-]{0,99}):[A-Za-z_]")
_DECLARATION = re.compile(r"\sxmlns:([A-Za-z_][\w.-]{0,99})\s*=")
_ROOT_NAME = re.compile(r"<[\w.:-]+")
_ROOT_TAG = re.compile(r"<(?:\"[^\"]*+\"|'[^']*+'|[^<>'\"]++)*+")
_WELL_KNOWN = {
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "podcast": "https://podcastindex.org/namespace/1.0",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "atom": "http://www.w3.org/2005/Atom",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}


def with_entities_mended(text: str, limit: int, warn: Warn) -> str:
    """`text` without HTML's entities, stray `&` and `<`, and references to characters that XML forbids.

    Raises FeedRejected(MALFORMED) above `limit` repairs: that is not a sloppy feed, it is something else.
    """
    repairs = 0

    def mended(match: re.Match[str]) -> str:
        nonlocal repairs
        found = match[0]
        if len(found) > 1 and found[0] == "<":
            return found
        if match["decimal"] or match["hex"]:
            code = int(match["decimal"]) if match["decimal"] else int(match["hex"], 16)
            if xml_allows(code):
                return found if not found.startswith("&#X") else f"&#{code};"
            replacement = ""
        elif match["name"]:
            character = html.entities.html5.get(f"{match['name']};")
            replacement = f"&amp;{match['name']};" if character is None else _references(character)
        else:
            replacement = "&amp;" if found == "&" else "&lt;"
        repairs += 1
        if repairs > limit:
            raise FeedRejected(Reason.MALFORMED, f"the feed is not well-formed in more than {limit} places")
        return replacement

    text = _SUSPECT.sub(mended, text)
    if repairs:
        warn(Oddity.BAD_ENTITY, f"{repairs} entities, ampersands or brackets that XML does not know were mended")
    return text


def with_prefixes_declared(text: str, limit: int, warn: Warn) -> str:
    """`text`, which starts with its root element, with every prefix in use declared; unchanged if all are."""
    root = _ROOT_TAG.match(text)
    known = {"xml", "xmlns", *_DECLARATION.findall(root[0] if root is not None else "")}
    unknown = sorted({prefix for prefix in _PREFIXED.findall(text) if prefix not in known})
    if len(unknown) > limit:
        raise FeedRejected(Reason.MALFORMED, "the feed uses namespaces that it does not declare")
    name = _ROOT_NAME.match(text)
    if not unknown or name is None:
        return text
    warn(Oddity.UNDECLARED_PREFIX, f"prefixes used without a namespace: {', '.join(unknown[:10])}")
    declarations = "".join(
        f' xmlns:{prefix}="{_WELL_KNOWN.get(prefix.lower(), f"urn:undeclared:{prefix}")}"' for prefix in unknown
    )
    return f"{text[: name.end()]}{declarations}{text[name.end() :]}"


def _references(characters: str) -> str:
    return "".join(f"&#{ord(character)};" for character in characters)
