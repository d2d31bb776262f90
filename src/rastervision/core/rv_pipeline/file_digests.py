"""What changes when the files change that a config is read from."""

from pathlib import Path
from zipfile import BadZipFile, ZipFile

from rastervision.core.rv_pipeline.input_files import input_uris
from rastervision.pipeline.config import Config
from rastervision.pipeline.file_system import is_local
from rastervision.pipeline.file_system.local_file_system import to_path
from rastervision.pipeline.fingerprint import Stamps, digest


def file_digests(config: Config) -> dict[str, str | None]:
    """URI of each file that a config and those in it are read from -> what tells its content.

    Files that commands of a pipeline write, which may have been written again, are known by what is
    in them: chips by the checksums in their zip files, statistics by their text. Other files are
    known by size and time of the last change, or what their store has instead. None is what nobody
    can tell.
    """
    stamps = Stamps().of(input_uris(config))
    return {uri: _content(uri) or stamp for uri, stamp in stamps.items()}


def _content(uri: str) -> str | None:
    if not is_local(uri):
        return None
    path = to_path(uri)
    if path.suffix == '.zip' and path.is_file():
        return _zip_content(path)
    if path.name == 'stats.json' and path.is_file():
        return digest(path.read_text(encoding='utf-8'))
    return None


def _zip_content(path: Path) -> str | None:
    try:
        with ZipFile(path) as archive:
            return digest([(i.filename, i.file_size, i.CRC) for i in archive.infolist()])
    except (OSError, BadZipFile):
        return None
