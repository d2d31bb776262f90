"""Reading STAC: items, their rasters, and catalogs of labels. Needs the extra `stac`."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rastervision.core.box import Box
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError
from rastervision.pipeline.file_system import (
    download_if_needed,
    extract,
    file_to_str,
    is_archive,
    str_to_file,
)

if TYPE_CHECKING:
    from datetime import datetime

    from pystac import Asset, Item, ItemCollection

RASTER_TYPES = ('image/tiff', 'image/vnd.stac.geotiff', 'image/jp2', 'image/png', 'image/jpeg')
NO_DATA_ROLES = frozenset({'thumbnail', 'overview', 'metadata'})
LABEL_EXTENSION = 'label'


def pystac_module() -> Any:
    """The package pystac.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import pystac
    except ImportError:
        raise ConfigError(
            'Reading STAC needs a package that is not installed: pip install "rastervision[stac]".'
        ) from None
    return pystac


def setup_stac_io() -> None:
    """Let pystac read and write every URI that Raster Vision can, everywhere in this process."""
    stac = pystac_module()
    stac.StacIO.set_default(_stac_io_class())


def _stac_io_class() -> type[Any]:
    from pystac.stac_io import DefaultStacIO

    class FileSystemStacIO(DefaultStacIO):
        """Reads and writes through the file systems of Raster Vision."""

        def read_text(self, source: Any, *_: Any, **__: Any) -> str:
            return file_to_str(str(source))

        def write_text(self, dest: Any, txt: str, *_: Any, **__: Any) -> None:
            str_to_file(txt, str(dest))

    return FileSystemStacIO


def _read(uri: str, kind: str) -> Any:
    """A pystac object of a class, from its JSON file."""
    stac = pystac_module()
    text = file_to_str(uri)
    try:
        return getattr(stac, kind).from_file(uri, stac_io=_stac_io_class()())
    # pystac's errors have no common base
    except (
        stac.STACError,
        stac.STACTypeError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
    ) as e:
        try:
            found = json.loads(text).get('type', 'something else')
        except (ValueError, AttributeError):
            found = 'no JSON object'
        raise NotReadableError(
            f'{uri} is no STAC {kind} (it is {found!r}): {" ".join(str(e).split())}'
        ) from e


def read_item(uri: str) -> 'Item':
    """A STAC item from its JSON file.

    Raises:
        NotReadableError: the file is missing or no item.
    """
    item: Item = _read(uri, 'Item')
    return item


def read_item_collection(uri: str) -> 'ItemCollection':
    """A collection of STAC items from its JSON file; hrefs are relative to the file.

    Raises:
        NotReadableError: the file is missing or no item collection.
    """
    collection: ItemCollection = _read(uri, 'ItemCollection')
    for item in collection:
        if item.get_self_href() is None:
            item.set_self_href(uri)
    return collection


def find_assets(item: 'Item', keys: Sequence[str] | None) -> dict[str, 'Asset']:
    """Assets of an item by key.

    Args:
        item: the item.
        keys: keys of the assets, in this order; None takes all that are rasters.

    Raises:
        DataError: there is no such asset, or none that is a raster.
    """
    if keys is None:
        found = {key: asset for key, asset in item.assets.items() if _is_raster(asset)}
        if not found:
            raise DataError(f'The STAC item {item.id!r} has no asset that is a raster.')
        return found
    missing = [key for key in keys if key not in item.assets]
    if missing:
        raise DataError(
            f'The STAC item {item.id!r} has no asset {missing[0]!r}; it has '
            f'{", ".join(item.assets) or "none"}.'
        )
    return {key: item.assets[key] for key in keys}


def _is_raster(asset: 'Asset') -> bool:
    if NO_DATA_ROLES & set(asset.roles or []):
        return False
    if asset.media_type is not None:
        return asset.media_type.lower().startswith(RASTER_TYPES)
    return Path(asset.href).suffix.lower() in {'.tif', '.tiff', '.jp2', '.vrt', '.png', '.jpg'}


def asset_uris(item: 'Item', keys: Sequence[str] | None) -> list[str]:
    """Where the assets of an item are; arguments and errors as for `find_assets`."""
    return [_uri(asset) for asset in find_assets(item, keys).values()]


def _uri(asset: 'Asset') -> str:
    return str(asset.get_absolute_href() or asset.href)


def as_items(items: 'Item | Iterable[Item]') -> 'list[Item]':
    """One item, or several in whatever form, as a list."""
    return list(items) if isinstance(items, Iterable) else [items]


def with_local_assets(items: 'Iterable[Item]') -> 'list[Item]':
    """Copies of items whose rasters are local files; remote ones are downloaded."""
    copies = []
    for item in items:
        copy = item.clone()
        for asset in copy.assets.values():
            if _is_raster(asset):
                asset.href = download_if_needed(_uri(asset))
        copies.append(copy)
    return copies


def by_date(items: Iterable['Item']) -> list['Item']:
    """Items in the order of their dates.

    Raises:
        DataError: an item has no date.
    """
    return sorted(items, key=date_of)


def date_of(item: 'Item') -> 'datetime':
    """Date of an item, or the first one of its range; DataError when it has none."""
    date = item.datetime or item.common_metadata.start_datetime
    if date is None:
        raise DataError(f'The STAC item {item.id!r} has no date.')
    return date


def is_label_item(item: 'Item') -> bool:
    """Whether an item holds labels, by the label extension."""
    return any(_extension_name(uri) == LABEL_EXTENSION for uri in item.stac_extensions)


def _extension_name(uri: str) -> str:
    """`label` of 'label' and of '.../stac-extensions.github.io/label/v1.0.1/schema.json'."""
    parts = uri.split('/')
    return parts[-3] if len(parts) >= 3 else uri


def get_linked_image_item(label_item: 'Item') -> 'Item | None':
    """The item with the image that labels were made on: its link `source`, if there is one."""
    link = label_item.get_single_link('source')
    if link is None:
        return None
    link.resolve_stac_object(root=label_item.get_root())
    target: Item = link.target  # type: ignore[assignment] # resolved
    return target


def parse_stac(stac_uri: str, item_limit: int | None = None) -> list[dict[str, Any]]:
    """Labels and their images in a STAC catalog.

    Args:
        stac_uri: JSON file of the catalog.
        item_limit: number of label items after which to stop.

    Returns:
        For each label item: `label_uri`, `image_uris`, `label_bbox` and `image_bbox` (shapely
        polygons in longitude and latitude, None when the item has none), `bboxes_intersect`, and
        `aoi_geometry` (GeoJSON geometry of the labelled area, or None).

    Raises:
        NotReadableError: the file is missing or no catalog.
    """
    catalog = _read(stac_uri, 'Catalog')
    catalog.make_all_asset_hrefs_absolute()
    found: list[dict[str, Any]] = []
    for item in catalog.get_items(recursive=True):
        if item_limit is not None and len(found) >= item_limit:
            break
        if is_label_item(item):
            found.append(_describe(item))
    return found


def _describe(label_item: 'Item') -> dict[str, Any]:
    image_item = get_linked_image_item(label_item)
    label_bbox = _polygon(label_item)
    image_bbox = None if image_item is None else _polygon(image_item)
    overlap = label_bbox is None or image_bbox is None or label_bbox.intersects(image_bbox)
    labels = list(label_item.assets.values())
    images = [] if image_item is None else asset_uris(image_item, None)
    return {
        'label_uri': _uri(labels[0]) if labels else None,
        'image_uris': images,
        'label_bbox': label_bbox,
        'image_bbox': image_bbox,
        'bboxes_intersect': bool(overlap),
        'aoi_geometry': label_item.geometry,
    }


def _polygon(item: 'Item') -> Any:
    if item.bbox is None:
        return None
    half = len(item.bbox) // 2  # bboxes may have heights
    xmin, ymin, xmax, ymax = item.bbox[0], item.bbox[1], item.bbox[half], item.bbox[half + 1]
    return Box(ymin, xmin, ymax, xmax).to_shapely()  # type: ignore[arg-type] # degrees


def read_stac(uri: str, extract_dir: str | None = None, **kwargs: Any) -> list[dict[str, Any]]:
    """Labels and their images in a STAC catalog that may be in a zip file.

    Args:
        uri: JSON file of the catalog, or a zip file that holds one named catalog.json.
        extract_dir: where to extract a zip file to; None extracts it beside its local copy.
        **kwargs: as for `parse_stac`.

    Returns:
        As `parse_stac`.

    Raises:
        NotReadableError: the file is missing or holds no catalog.
    """
    if not is_archive(uri):
        return parse_stac(uri, **kwargs)
    folder = Path(extract(uri, extract_dir))
    catalogs = sorted(folder.rglob('catalog.json'), key=lambda path: len(path.parts))
    if not catalogs:
        raise NotReadableError(f'{uri} has no file catalog.json.')
    return parse_stac(str(catalogs[0]), **kwargs)
