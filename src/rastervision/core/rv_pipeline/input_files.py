"""The local files that configs name, with those that belong to them."""

import glob
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rastervision.core.data import (
    LabelStoreConfig,
    RasterioSourceConfig,
    STACItemCollectionConfig,
    STACItemConfig,
)
from rastervision.core.data.raster_source.rasterio_io import open_raster
from rastervision.core.data.utils.vector_io import COMPANIONS
from rastervision.core.data.utils.vector_tiles import is_template
from rastervision.core.utils.config_walk import find_configs
from rastervision.core.utils.stac import as_items, asset_uris
from rastervision.pipeline.code_files import is_builtin
from rastervision.pipeline.config import Config
from rastervision.pipeline.file_system import is_local
from rastervision.pipeline.file_system.local_file_system import to_path


def stamps(files: Iterable[Path]) -> list[tuple[str, int, int]]:
    """Name, size and time of the last change of files, each once."""
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted({*files})]


def input_files(root: Config) -> Iterator[Path]:
    """Local files that a config and those in it are read from.

    Among them are the files that belong to a raster or a Shapefile, those in a folder (such as a
    Zarr store), vector tiles behind a template, and the assets of STAC items.
    """
    for config in find_configs(root, Config):
        yield from files_of(_uris(config), isinstance(config, RasterioSourceConfig))


def expanded(uri: str, is_raster: bool = False) -> list[str]:
    """Local files that a URI stands for, see `input_files`; the URI itself if there are none."""
    return [str(path) for path in files_of([uri], is_raster)] or [uri]


def input_uris(
    root: Config | str, expand: Callable[[str, bool], list[str]] = expanded
) -> Iterator[str]:
    """What a config and those in it, or a URI, is read from: `input_files`, and remote URIs.

    Where predictions go is none of it. A URI of which there is no file, such as the name of a part
    of a file as GDAL has it, is there as it is.

    Args:
        root: The config, or a URI.
        expand: `expanded`, or a version of it that remembers what it has looked up.
    """
    if isinstance(root, str):
        yield from expand(root, False)
        return
    for config in find_configs(root, Config):
        if not isinstance(config, LabelStoreConfig):
            for uri in _uris(config):
                yield from expand(uri, isinstance(config, RasterioSourceConfig))


def _uris(config: Config) -> Iterator[str]:
    is_known = is_builtin(type(config))
    for name in type(config).model_fields:
        value = getattr(config, name)
        if name.endswith(('uri', 'uris')):
            yield from _texts(value)
        elif not is_known:  # a config of a third party may have any name for its files
            yield from (text for text in _texts(value) if '://' in text or _is_file(text))
    if isinstance(config, STACItemConfig | STACItemCollectionConfig):
        for item in as_items(config.build()):
            yield from asset_uris(item, None)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a path
        return False


def files_of(uris: Iterable[str], are_rasters: bool = False) -> Iterator[Path]:
    """Those of some URIs that are local files, and the files that belong to them."""
    for uri in uris:
        if not is_local(uri):
            continue
        path = to_path(uri)
        if is_template(uri):
            yield from _tiles(path)
        elif path.is_dir():
            yield from (file for file in path.rglob('*') if file.is_file())
        elif path.is_file():
            yield path
            yield from _beside(path)
            if are_rasters:
                with open_raster(uri) as dataset:
                    files = [Path(name) for name in dataset.files]
                yield from (file for file in files if file.is_file())


def _tiles(template: Path) -> Iterator[Path]:
    folder = next(parent for parent in template.parents if '{' not in str(parent))
    pattern = glob.escape(template.relative_to(folder).as_posix())
    return folder.glob(re.sub(r'\{-?[xyz]\}', '*', pattern))


def _beside(path: Path) -> Iterator[Path]:
    suffixes = COMPANIONS.get(path.suffix.lower())
    if suffixes:
        yield from (
            file
            for file in path.parent.iterdir()
            if file.stem == path.stem and file.suffix.lower() in suffixes
        )
