"""Texts as they may be shown and kept: the URIs in them have no passwords and no signatures."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

URI = (
    r'[A-Za-z][A-Za-z0-9+.-]{0,30}://'
    r'(?:[^\s/?#:<>"\\\[]*:(?!\d+[/?#<>"\\\s])(?:(?!://)\S)*@)?'  # a password may have anything
    r'[^\s<>"\\]*[^\s<>"\\\'.,:;?#)\]}]'
)
"""A URI in a text, without what punctuation of the text may follow it; compiled on first use."""
_NAMES = {'abfs', 'abfss', 'az', 'azure', 'git', 'github', 'hf'}
_WELL_FORMED = r'((?:[^/?#:@]*@)?)(?:[^/?#:@\[]*|\[[^/?#@]*\])(?::\d+)?(?:[/?#][\S\s]*)?'
"""What follows a scheme: a user (the group), and no password, a host, a port and a path."""


class URIParts(NamedTuple):
    """What a URI is made of; `scheme` has its colon and slashes, `login` its @."""

    scheme: str
    login: str
    place: str
    query: str
    fragment: str


def uri_parts(uri: str) -> URIParts:
    """The parts of `uri`, of which `scheme` and `place` may be shown.

    A password with characters that it should not have is told from a path as follows: where there
    is more between the slashes than a user, a host and a port, all up to the last @ is the login.
    """
    scheme, mark, rest = uri.partition('://')
    if not mark:
        return URIParts('', '', uri, '', '')
    if has_name_before_at(scheme):
        start = 0
    elif plain := re.fullmatch(_WELL_FORMED, rest):
        start = plain.end(1)
    else:
        start = rest.partition('?')[0].rfind('@') + 1
        if not re.fullmatch(_WELL_FORMED, rest[start:]):
            start = rest.rfind('@') + 1
    place, fragment = rest[start:], ''
    if scheme.lower().endswith(('http', 'https')):  # other stores have no fragments
        place, _, fragment = place.partition('#')
    place, _, query = place.partition('?')
    return URIParts(scheme + mark, rest[:start], place, query, fragment)


def public_uri(uri: str) -> str:
    """`uri` as it may be shown: no login, no values of a signed query or of a fragment."""
    scheme, _, place, query, fragment = uri_parts(uri)
    return f'{scheme}{place}{query and "?..."}{fragment and "#..."}'


def has_name_before_at(scheme: str) -> bool:
    """Whether a container or a repository is before the @ of such URIs, and not a user."""
    return re.split(r'\W', scheme.lower())[-1] in _NAMES


def public_text(text: str) -> str:
    """`text` with all URIs in it as `public_uri` has them; doing it again changes nothing."""
    return str(with_uris(text, public_uri))


def with_uris(value: Any, change: Callable[[str], str]) -> Any:
    """A value, made of what JSON knows, with every URI in its texts changed; keys stay."""
    if isinstance(value, str):
        return re.sub(URI, lambda found: change(found[0]), value) if '://' in value else value
    if isinstance(value, dict):
        return {key: with_uris(item, change) for key, item in value.items()}
    return [with_uris(item, change) for item in value] if isinstance(value, list | tuple) else value
