"""Names of files that may be kept and shown, and stay the same when a signature is renewed."""

import re
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

from rastervision.pipeline.file_system.file_system import public_uri

_URI = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*://[^\s<>"]+')
_SIGNATURES = ('signature', 'sig')
_SIGNED = re.compile(
    r'signature|sig|expires|policy|key-pair-id|awsaccesskeyid|googleaccessid|x-(amz|goog)-.*'
    r'|s[veprst]|srt|sip|spr|sdd|ses|skoid|sktid|sk[estv]|saoid|suoid|scid',  # of Azure
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
    if isinstance(value, str):
        return _URI.sub(lambda found: stable_uri(found[0]), value) if '://' in value else value
    if isinstance(value, dict):
        return {key: stable(item) for key, item in value.items()}
    return [stable(item) for item in value] if isinstance(value, list | tuple) else value
