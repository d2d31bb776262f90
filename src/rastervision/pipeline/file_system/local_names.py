"""Names of local copies: what every file system takes, different for different originals."""

from hashlib import sha256
from pathlib import PurePosixPath, PureWindowsPath


def local_name(part: str) -> str:
    """One part of a path as a file name that every file system takes."""
    safe = ''.join(c if c.isprintable() and c not in '<>:"/\\|?*' else '_' for c in part)
    safe = safe.rstrip('. ')
    if safe == part and len(part.encode()) <= 200:
        return part
    return with_digest(safe[-60:], of=part)


def with_digest(name: str, of: str) -> str:
    """A file name made different by a digest, before its extension."""
    path = PurePosixPath(name)
    return f'{path.stem}-{sha256(of.encode()).hexdigest()[:10]}{path.suffix}'


def checked_name(name: str) -> str:
    """The name of a file of a store relative to a directory, as it is.

    Raises:
        ValueError: As a path, on any machine, it would lead out of the directory.
    """
    path = PureWindowsPath(name)
    if path.drive or path.root or '..' in path.parts:
        raise ValueError(f'the name {name!r} in it would lead out of the directory')
    return name
