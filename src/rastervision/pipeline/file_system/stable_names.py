"""Names of files that may be kept and shown, and stay the same when a signature is renewed."""

import re
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_plus

from rastervision.pipeline.public_text import uri_parts, with_uris

_SIGNATURES = ('signature', 'sig')
_SIGNED = re.compile(
    r'signature|sig|expires|policy|(security-)?token|(aws|oss)?accesskeyid|googleaccessid'
    r'|key-pair-id|hash-algorithm|x-(amz|goog|oss)-.*',
    re.IGNORECASE,
)
"""Parameters of signed URLs that say who may read a file, and how long, not which file it is."""
_OF_AZURE = re.compile(r's[veprsti]|srt|sip|spr|sdd|ses|skoid|sktid|sk[estv]|saoid|suoid|scid')
"""Likewise beside Azure's sig and sv; elsewhere, names so short may mean anything."""
_PATH = re.compile(r'^[^/?#]*@([^@]*[/?#].*)', re.DOTALL)
"""What follows a login that is well formed."""


def stable_uri(uri: str) -> str:
    """`uri` without credentials and signatures; a digest stands for the rest of its query.

    It also stands for what may be a path with an @, and was taken for a part of the login.
    """
    scheme, login, place, query, _ = uri_parts(uri)
    pairs = [(unquote_plus(pair.partition('=')[0]), pair) for pair in query.split('&') if pair]
    names = {name for name, _ in pairs}
    if any(name.lower().endswith(_SIGNATURES) for name in names):
        pairs = [(name, pair) for name, pair in pairs if not _SIGNED.fullmatch(name)]
    if {'sig', 'sv'} <= names:
        pairs = [(name, pair) for name, pair in pairs if not _OF_AZURE.fullmatch(name)]
    told = [pair for _, pair in pairs] + _PATH.findall(login)
    digest = told and f'?{sha256(repr(told).encode()).hexdigest()[:10]}'
    return f'{scheme}{place}{digest or ""}'


def stable(value: Any) -> Any:
    """A value, made of what JSON knows, in which all URIs are as `stable_uri` has them."""
    return with_uris(value, stable_uri)
