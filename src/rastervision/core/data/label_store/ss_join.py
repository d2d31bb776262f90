"""From the parts of a scene to its files."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rastervision.core.box import Box
from rastervision.core.data.label_store.cog import TileFile, write_cog
from rastervision.core.data.label_store.mask_rows import read_mask
from rastervision.core.data.label_store.ss_outputs import SceneOutputs
from rastervision.core.data.label_store.ss_writer import mask_name
from rastervision.core.data.label_store.vector_output import PolygonWriter, VectorOutputConfig
from rastervision.core.data.utils.vectorization import BAND_ROWS
from rastervision.core.utils.quiet import quiet
from rastervision.pipeline.errors import ConfigError, NotReadableError, NotWritableError
from rastervision.pipeline.file_system import (
    atomic_path,
    file_exists,
    file_to_json,
    get_tmp_dir,
    is_local,
    json_to_file,
)
from rastervision.pipeline.file_system.utils import remove

RECORD = 'prediction.json'

NOT_FOR_CREATION = {'count', 'crs', 'dtype', 'height', 'nodata', 'transform', 'width'}


def join_parts(
    outputs: SceneOutputs, parts: Sequence[tuple[Box, TileFile]], key: str | None = None
) -> None:
    """Write the files of a scene; they appear together, the class raster last.

    Files of an earlier prediction that this one has not are removed then, if they are on record.

    Args:
        outputs: what to write.
        parts: rectangles that cover the extent, and their tiles.
        key: what decides the result; it goes on record when all files are on the disk.
    """
    with ExitStack() as stack:
        # what is entered first is finished last
        paths = {name: stack.enter_context(atomic_path(uri)) for name, uri in outputs.files.items()}
        own_paths = iter(paths.values())
        for name in outputs.rasters:
            _write_raster(outputs, name, parts, next(own_paths))
        for i, (_, config) in enumerate(outputs.vectors):
            _write_polygons(outputs, config, mask_name(i), parts, next(own_paths))
        sizes = {name: Path(path).stat().st_size for name, path in paths.items()}
        if key is not None:
            for path in paths.values():
                _sync(path)
        before = forget(outputs.root_uri)
    for name in before.keys() - sizes.keys():
        _remove_own(outputs.root_uri, name, before[name])
    if key is not None:
        json_to_file({'key': key, 'files': sizes}, f'{outputs.root_uri}/{RECORD}')
    elif before:
        json_to_file({'files': sizes}, f'{outputs.root_uri}/{RECORD}')


def is_on_record(root_uri: str, key: str) -> bool:
    """Whether the files of a scene were written for a key, and are there."""
    record = _read_record(root_uri)
    return record.get('key') == key and all(
        _is_there(f'{root_uri}/{name}', size) for name, size in record['files'].items()
    )


def forget(root_uri: str) -> dict[str, int]:
    """Take the key from the record of files that are going to change.

    Returns:
        Sizes of the files on record by name. They stay there: should this process end, the next
        one knows of them.
    """
    record = _read_record(root_uri)
    if 'key' in record:
        json_to_file({'files': record['files']}, f'{root_uri}/{RECORD}')
    files: dict[str, int] = record.get('files', {})
    return files


def _read_record(root_uri: str) -> dict[str, Any]:
    uri = f'{root_uri}/{RECORD}'
    try:
        record: Any = file_to_json(uri) if file_exists(uri, include_dir=False) else {}
    except NotReadableError:  # cut off when the power went
        return {}
    is_ours = isinstance(record, dict) and isinstance(record.get('files'), dict)
    return record if is_ours else {}


def _remove_own(root_uri: str, name: str, size: int) -> None:
    """Remove a file on record, unless it is no longer the one that was written."""
    uri = f'{root_uri}/{name}'
    if '..' not in name.split('/') and _is_there(uri, size):
        remove(uri)


def _is_there(uri: str, size: int) -> bool:
    if not is_local(uri):
        return file_exists(uri, include_dir=False)
    path = Path(uri)
    return path.is_file() and path.stat().st_size == size


def _sync(path: str) -> None:
    """Wait until a file is on the disk."""
    with Path(path).open('rb+') as file:
        os.fsync(file.fileno())


def _write_raster(
    outputs: SceneOutputs, name: str, parts: Sequence[tuple[Box, TileFile]], path: str
) -> None:
    finished = parts[0][1].finished
    if name in finished:
        Path(finished[name]).replace(path)
        return
    cog = name, outputs.layer(name), outputs.extent.size, outputs.tags(name), parts
    if outputs.profile is None:
        write_cog(path, *cog)
        return
    with get_tmp_dir() as folder:
        own_path = str(Path(folder, f'{name}.tif'))
        write_cog(own_path, *cog)
        _convert(own_path, path, outputs, name)


def _convert(source: str, target: str, outputs: SceneOutputs, name: str) -> None:
    """Write a raster with other creation options.

    Raises:
        ConfigError: an option is none of those that rasters are created with.
        NotWritableError: GDAL does not accept the options.
    """
    import rasterio
    import rasterio.shutil
    from rasterio.errors import NotGeoreferencedWarning

    profile = dict(outputs.profile or {})
    if wrong := sorted(profile.keys() & NOT_FOR_CREATION):
        raise ConfigError(
            f'The profile says {", ".join(wrong)}, which follow from the predictions; give '
            'creation options such as compress or tiled only.'
        )
    layer = outputs.layer(name)
    if profile.setdefault('driver', 'GTiff') == 'GTiff':
        ours: dict[str, Any] = {'compress': 'deflate'} if layer.deflated else {}
        if profile.setdefault('tiled', True):
            ours |= {'blockxsize': layer.block, 'blockysize': layer.block}
        profile = {'interleave': 'band', 'bigtiff': 'if_safer', **ours, **profile}
    options = {key: value for key, value in profile.items() if value is not None}
    with _gdal_errors(outputs.rasters[name]), quiet(NotGeoreferencedWarning):
        rasterio.shutil.copy(source, target, **options)


@contextmanager
def _gdal_errors(uri: str) -> Iterator[None]:
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    try:
        yield
    except (RasterioError, CPLE_BaseError) as e:
        cause = ' '.join(str(e.__cause__ or e).split())
        raise NotWritableError(f'{uri} cannot be written: {cause}') from e


def _write_polygons(
    outputs: SceneOutputs,
    config: VectorOutputConfig,
    name: str,
    parts: Sequence[tuple[Box, TileFile]],
    path: str,
) -> None:
    extent, classes = outputs.extent, outputs.class_config
    properties = {'class_id': config.class_id, 'class_name': classes.get_name(config.class_id)}
    with PolygonWriter(
        path,
        config.build(extent.width),
        outputs.crs_transformer,
        outputs.bbox,
        properties,
        config.simplify,
        config.file_format,
        config.crs,
    ) as polygons:
        for rows in read_mask(name, outputs.block_size, extent, parts):
            for y in range(0, len(rows), BAND_ROWS):
                polygons.add(rows[y : y + BAND_ROWS])
