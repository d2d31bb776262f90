"""What GDAL's names of virtual files stand for, such as `/vsizip/vsis3/bucket/a.zip/b.tif`."""

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, unquote

from rastervision.pipeline.file_system.local_file_system import to_path
from rastervision.pipeline.file_system.object_store.address import cloud_of, parse

CLOUDS = {'s3': '/vsis3/', 'gs': '/vsigs/', 'az': '/vsiaz/'}
"""Cloud -> how GDAL's names of its objects begin."""
WEB = ('http', 'https', 'ftp')
_ARCHIVES = {
    'zip': ('/vsizip/', re.compile(r'\.(zip|kmz)(?=/|$)', re.IGNORECASE)),
    'tar': ('/vsitar/', re.compile(r'\.(tar\.gz|tgz|tar)(?=/|$)', re.IGNORECASE)),
    'gzip': ('/vsigzip/', None),
}
"""Kind of archive -> how names begin, and what ends the name of the archive itself."""
_CLOUD_NAME = re.compile(r'/vsi(s3|gs|az)(?:_streaming)?/(.*)', re.DOTALL)
_WEB_NAME = re.compile(r'/vsicurl(?:_streaming)?/(.*)', re.DOTALL)
_WEB_QUERY = '/vsicurl?'
_IN_ARCHIVE = re.compile(r'(zip|tar|gzip)(?:\+|://)(.*)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class VirtualFile:
    """A file that GDAL has a name for.

    Attributes:
        uri: As our file systems have it: of the file, or of the archive that it is in.
        archive: 'zip', 'tar' or 'gzip'; '' for a file that is in none.
        member: Path within the archive; '' for all of it.
    """

    uri: str
    archive: str = ''
    member: str = ''


def is_virtual(uri: str) -> bool:
    """Whether a URI is a name of GDAL's, or one of rasterio's for a file in an archive."""
    return uri.startswith('/vsi') or _IN_ARCHIVE.match(uri) is not None


def to_vsi(uri: str) -> str:
    """The name that GDAL has for a URI; what has none, such as a local path, is left as it is.

    Args:
        uri: a path, the URI of a file, or of one in an archive: `zip+s3://bucket/a.zip!b.tif`,
            `tar+https://…`, `zip:///folder/a.zip!b.tif`, `gzip+file:///a.gz`.

    Raises:
        ValueError: It names no bucket, or nothing in its zip file.
    """
    scheme, mark, _ = uri.partition('://')
    if match := _IN_ARCHIVE.match(uri):
        outer, _, member = match[2].partition('!')
        if match[1] != 'gzip' and not member:
            raise ValueError(f'{uri!r} names no file in the archive; write archive!file')
        prefix = _ARCHIVES[match[1]][0]
        outer = to_vsi(outer)
        return f'{prefix}{{{outer}}}/{member}' if member else prefix + outer
    if not mark or uri.startswith(('/vsi', '<')):
        return uri
    if cloud_of(uri):
        address = parse(uri)
        return f'{CLOUDS[address.cloud]}{address.bucket}/{address.key}'
    if scheme.lower() in WEB:
        return f'/vsicurl/{uri}'
    return str(to_path(uri)) if scheme.lower() == 'file' else uri


def from_vsi(uri: str) -> VirtualFile | None:
    """What a name of GDAL's stands for; None if only GDAL knows, as for `/vsimem/`."""
    name = to_vsi(uri)
    if match := _CLOUD_NAME.match(name):
        return VirtualFile(f'{match[1]}://{match[2]}')
    if match := _WEB_NAME.match(name):
        return VirtualFile(match[1])
    if name.startswith(_WEB_QUERY):
        urls = parse_qs(name.removeprefix(_WEB_QUERY)).get('url')
        return VirtualFile(unquote(urls[0])) if urls else None
    for archive, (prefix, _) in _ARCHIVES.items():
        if name.startswith(prefix):
            return _in_archive(archive, name.removeprefix(prefix))
    return None if name.startswith('/vsi') else VirtualFile(name)


def _in_archive(archive: str, rest: str) -> VirtualFile | None:
    """What stands after `/vsizip/`: the archive, in braces if GDAL is not to guess, and a path."""
    end = _ARCHIVES[archive][1]
    if rest.startswith('{'):
        outer, _, member = rest[1:].rpartition('}')
    elif end is None:
        outer, member = rest, ''
    elif match := end.search(rest):
        outer, member = rest[: match.end()], rest[match.end() :]
    else:
        return None
    if re.match(r'vsi\w+[/?]', outer):
        outer = f'/{outer}'
    found = from_vsi(outer)
    if found is None:
        return None
    uri = outer if found.archive else found.uri
    return VirtualFile(uri, archive, member.strip('/'))


def files_within(text: str) -> list[str]:
    """URIs of remote files that a name of GDAL's, or the XML of a VRT, refers to."""
    if text.startswith('<'):
        names = map(unescape, re.findall(r'<SourceFilename[^>]*>([^<]+)<', text))
        return [uri for name in dict.fromkeys(names) for uri in files_within(name)]
    found = from_vsi(text)
    while found is not None and found.archive and found.uri.startswith('/vsi'):
        found = from_vsi(found.uri)
    return [found.uri] if found is not None and '://' in found.uri else []
