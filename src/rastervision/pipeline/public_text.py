"""Texts as they may be shown and kept: the URIs in them have no passwords and no signatures."""

import re
from collections.abc import Callable
from typing import Any

URI = re.compile(r'[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s<>"\\]*[^\s<>"\\\'.,:;?)\]}]')
"""A URI in a text, without what punctuation of the text may follow it."""
_NAMES = {'abfs', 'abfss', 'az', 'git', 'github', 'hf'}


def public_uri(uri: str) -> str:
    """`uri` as it may be shown: without a password and without the values of a signed query."""
    scheme, mark, rest = uri.partition('://')
    if not mark:
        return uri
    netloc, slash, path = rest.partition('/')
    host = netloc if has_name_before_at(scheme) else netloc.rpartition('@')[2]
    place, query, _ = f'{host}{slash}{path}'.partition('?')
    return f'{scheme}://{place}{query and "?..."}'


def has_name_before_at(scheme: str) -> bool:
    """Whether a container or a repository is before the @ of such URIs, and not a user."""
    return re.split(r'\W', scheme.lower())[-1] in _NAMES


def public_text(text: str) -> str:
    """`text` with all URIs in it as `public_uri` has them; doing it again changes nothing."""
    return str(with_uris(text, public_uri))


def with_uris(value: Any, change: Callable[[str], str]) -> Any:
    """A value, made of what JSON knows, with every URI in its texts changed; keys stay."""
    if isinstance(value, str):
        return URI.sub(lambda found: change(found[0]), value) if '://' in value else value
    if isinstance(value, dict):
        return {key: with_uris(item, change) for key, item in value.items()}
    return [with_uris(item, change) for item in value] if isinstance(value, list | tuple) else value
