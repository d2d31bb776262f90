"""Mosaics: many rasters as one, through GDAL's virtual format."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import shapely

from rastervision.core.data.raster_source.raster_reader import RasterInfo
from rastervision.core.data.raster_source.rasterio_io import band_dtypes, gdal_path, open_raster
from rastervision.pipeline.errors import DataError

GDAL_TYPES = {
    'uint8': 'Byte',
    'int8': 'Int8',
    'uint16': 'UInt16',
    'int16': 'Int16',
    'uint32': 'UInt32',
    'int32': 'Int32',
    'uint64': 'UInt64',
    'int64': 'Int64',
    'float32': 'Float32',
    'float64': 'Float64',
    'complex64': 'CFloat32',
    'complex128': 'CFloat64',
}

WHOLE = 1e-3
"""Sources whose place is this close to whole pixels are put on whole pixels."""


@dataclass(frozen=True, slots=True)
class Source:
    """One raster of a mosaic and what its `open_raster` showed."""

    uri: str
    info: RasterInfo
    dtypes: tuple[np.dtype[Any], ...]
    colors: tuple[str, ...]
    block: tuple[int, int]


def mosaic_vrt(uris: Sequence[str], nodata: float | None = None) -> str:
    """VRT that shows rasters as one; where they overlap, later ones lie on top.

    The rasters need one CRS and one number of bands. The mosaic has the finest of their
    resolutions, and a dtype that holds the values of all. Pixels that no raster covers are not
    valid.

    Args:
        uris: paths or URIs. A single raster needs no georeference.
        nodata: value to treat as nodata, in place of what the files declare.

    Returns:
        The XML of the VRT, which GDAL opens like a file name.

    Raises:
        NotReadableError: a file is missing or no raster.
        DataError: the rasters do not fit together.
    """
    sources = [_describe(uri) for uri in uris]
    if len(sources) > 1:
        for source in sources:
            _check(source, sources[0])
    first = sources[0].info
    a, e = first.transform.a, first.transform.e
    if len(sources) == 1:
        boxes = [(0.0, 0.0, float(first.width), float(first.height))]
        width, height, transform = first.width, first.height, first.transform
    else:
        a = min(source.info.transform.a for source in sources)
        e = max(source.info.transform.e for source in sources)
        left = min(source.info.transform.c for source in sources)
        top = max(source.info.transform.f for source in sources)
        boxes = [_place(source.info, left, top, a, e) for source in sources]
        width = max(_ceil(x + w) for x, _, w, _ in boxes)
        height = max(_ceil(y + h) for _, y, _, h in boxes)
        transform = type(first.transform)(a, 0, left, 0, e, top)

    root = ET.Element('VRTDataset', rasterXSize=str(width), rasterYSize=str(height))
    if first.crs:
        ET.SubElement(root, 'SRS').text = first.crs.to_wkt()
    if not transform.is_identity:
        ET.SubElement(root, 'GeoTransform').text = ', '.join(map(repr, transform.to_gdal()))
    placed = list(zip(sources, boxes, strict=True))
    for band in range(first.count):
        _add_band(root, band, placed, nodata)
    covered = shapely.union_all([shapely.box(x, y, x + w, y + h) for x, y, w, h in boxes]).area
    gaps = covered < width * height - 0.5
    explained = first.alpha is not None or nodata is not None or None not in first.nodata
    if any(source.info.has_mask for source in sources) or (gaps and not explained):
        mask = ET.SubElement(ET.SubElement(root, 'MaskBand'), 'VRTRasterBand', dataType='Byte')
        for source, box in placed:
            _add_source(mask, 'SimpleSource', source, 'mask,1', box)
    return ET.tostring(root, encoding='unicode')


def _describe(uri: str) -> Source:
    with open_raster(uri) as ds:
        path = gdal_path(uri)
        colors = tuple(color.name for color in ds.colorinterp)
        return Source(path, RasterInfo.of(ds), band_dtypes(ds), colors, ds.block_shapes[0])


def _check(source: Source, first: Source) -> None:
    info = source.info
    if not info.crs:
        raise DataError(f'{source.uri} has no georeference and cannot be part of a mosaic.')
    if info.crs != first.info.crs:
        raise DataError(
            f'{source.uri} is in {_name(info.crs)} but {first.uri} is in {_name(first.info.crs)}; '
            'reproject the files of a mosaic to one CRS.'
        )
    if info.count != first.info.count:
        raise DataError(
            f'{source.uri} has {info.count} bands but {first.uri} has {first.info.count}; '
            'the files of a mosaic need the same bands.'
        )
    t = info.transform
    if t.b or t.d or t.a <= 0 or t.e >= 0:
        raise DataError(
            f'{source.uri} is rotated or not north-up and cannot be part of a mosaic; '
            'warp it to a north-up grid first.'
        )


def _place(
    info: RasterInfo, left: float, top: float, a: float, e: float
) -> tuple[float, float, float, float]:
    t = info.transform
    x, y = (t.c - left) / a, (t.f - top) / e
    w, h = info.width * t.a / a, info.height * t.e / e
    x, y, w, h = (round(v) if abs(v - round(v)) < WHOLE else v for v in (x, y, w, h))
    return x, y, w, h


def _ceil(value: float) -> int:
    return int(-(-value // 1))


def _name(crs: Any) -> str:
    return str(crs.to_string())[:60]


def _add_band(
    root: ET.Element,
    band: int,
    placed: list[tuple[Source, tuple[float, float, float, float]]],
    nodata: float | None,
) -> None:
    first = placed[0][0]
    dtype = np.result_type(*(source.dtypes[band] for source, _ in placed))
    element = ET.SubElement(
        root, 'VRTRasterBand', dataType=GDAL_TYPES[dtype.name], band=str(band + 1)
    )
    is_alpha = band == first.info.alpha
    declared = [source.info.nodata[band] for source, _ in placed]
    value = nodata if nodata is not None else next((v for v in declared if v is not None), None)
    if value is not None and not is_alpha:
        ET.SubElement(element, 'NoDataValue').text = repr(float(value))
    color = first.colors[band]
    if color in {'gray', 'palette', 'red', 'green', 'blue', 'alpha', 'undefined'}:
        ET.SubElement(element, 'ColorInterp').text = color.capitalize()
    for (source, box), own in zip(placed, declared, strict=True):
        hole = nodata if nodata is not None else own
        if hole is None or is_alpha or len(placed) == 1:
            _add_source(element, 'SimpleSource', source, str(band + 1), box)
        else:
            added = _add_source(element, 'ComplexSource', source, str(band + 1), box)
            ET.SubElement(added, 'NODATA').text = repr(float(hole))


def _add_source(
    band: ET.Element, kind: str, source: Source, index: str, box: tuple[float, float, float, float]
) -> ET.Element:
    info = source.info
    element = ET.SubElement(band, kind)
    name = ET.SubElement(element, 'SourceFilename', relativeToVRT='0', shared='0')
    name.text = source.uri
    ET.SubElement(element, 'SourceBand').text = index
    if index.isdigit():
        ET.SubElement(
            element,
            'SourceProperties',
            RasterXSize=str(info.width),
            RasterYSize=str(info.height),
            DataType=GDAL_TYPES[source.dtypes[int(index) - 1].name],
            BlockXSize=str(source.block[1]),
            BlockYSize=str(source.block[0]),
        )
    whole = {'xOff': '0', 'yOff': '0', 'xSize': str(info.width), 'ySize': str(info.height)}
    ET.SubElement(element, 'SrcRect', whole)
    keys = ('xOff', 'yOff', 'xSize', 'ySize')
    ET.SubElement(element, 'DstRect', {k: repr(v) for k, v in zip(keys, box, strict=True)})
    return element
