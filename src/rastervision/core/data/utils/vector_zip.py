"""The vector file in a zip file."""

import re
import zipfile
from pathlib import Path, PurePosixPath

from rastervision.core.data.utils.file_errors import reading
from rastervision.pipeline.errors import DataError

_SPATIAL = ('.shp', '.gpkg', '.gdb', '.fgb', '.geojson', '.geojsonl', '.gml', '.kml')
_PERHAPS = ('.json', '.csv')  # may as well be about the data
_IN_FOLDER = re.compile(r'^(.*?\.gdb)/', re.IGNORECASE)


def source_in_zip(path: Path, uri: str, layer: str | None) -> str:
    """What GDAL opens to read the vector file in a zip file.

    Args:
        path: the zip file.
        uri: its name in messages.
        layer: name, without its ending, of one of several files.

    Raises:
        DataError: it is no zip file, or holds none or several of them.
    """
    with reading(uri, 'zip file', OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    sources = [m[1] if (m := _IN_FOLDER.match(name)) else name for name in names]
    sources = [name for name in dict.fromkeys(sources) if not _is_apple(name)]
    files = [name for name in sources if name.lower().endswith(_SPATIAL)]
    files = files or [name for name in sources if name.lower().endswith(_PERHAPS)]
    if len(files) > 1:
        files = [name for name in files if PurePosixPath(name).stem == layer] or files
    if len(files) != 1:
        found = f'these: {", ".join(map(repr, files))}' if files else 'none'
        raise DataError(
            f'{uri} must hold one vector file ({", ".join(_SPATIAL + _PERHAPS)}), but holds '
            f'{found}. Unpack it, or name one of several (without its ending) as layer of a '
            'VectorFileSourceConfig.'
        )
    return f'/vsizip/{path.resolve().as_posix()}/{files[0]}'


def _is_apple(name: str) -> bool:
    """Whether it is one of the files that macOS puts beside the others."""
    return name.startswith('__MACOSX/') or PurePosixPath(name).name.startswith('._')
