"""Names of files that may be kept and shown, and stay the same when a signature is renewed."""

import re
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

from rastervision.pipeline.public_text import public_uri, with_uris

_SIGNATURES = ('signature', 'sig')
_SIGNED = re.compile(
    r'signature|sig|expires|policy|(security-)?token|(aws|oss)?accesskeyid|googleaccessid'
    r'|key-pair-id|hash-algorithm|x-(amz|goog|oss)-.*'
    r'|s[veprsti]|srt|sip|spr|sdd|ses|skoid|sktid|sk[estv]|saoid|suoid|scid',  # of Azure
    re.IGNORECASE,
)
"""Parameters of signed URLs that say who may read a file, and how long, not which file it is."""


def stable_uri(uri: str) -> str:
    """`uri` without credentials and signatures; a digest stands for the rest of its query."""
    public, hidden, _ = public_uri(uri).partition('?...')
    if not hidden:
        return public
    pairs = parse_qsl(uri.partition('?')[2], keep_blank_values=True) or [(uri, '')]
    if any(name.lower().endswith(_SIGNATURES) for name, _ in pairs):
        pairs = [(name, value) for name, value in pairs if not _SIGNED.fullmatch(name)]
    return f'{public}?{sha256(repr(pairs).encode()).hexdigest()[:10]}' if pairs else public


def stable(value: Any) -> Any:
    """A value, made of what JSON knows, in which all URIs are as `stable_uri` has them."""
    return with_uris(value, stable_uri)
