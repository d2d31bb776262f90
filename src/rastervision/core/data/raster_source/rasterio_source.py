"""RasterioSource: anything that GDAL reads, one file or a mosaic (C+E)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from rastervision.core.box import Box
from rastervision.core.chip import Chip
from rastervision.core.data.crs_transformer import CRSTransformer, RasterioCRSTransformer
from rastervision.core.data.raster_source.raster_reader import RasterReader
from rastervision.core.data.raster_source.raster_source import (
    RasterSource,
    RasterSourceConfig,
)
from rastervision.core.data.raster_source.rasterio_io import is_gdal_name, is_remote
from rastervision.core.data.raster_source.streaming import reads_well_in_place
from rastervision.core.data.raster_source.vrt import mosaic_vrt
from rastervision.core.data.raster_transformer.raster_transformer import RasterTransformer
from rastervision.core.data.utils.misc import Uris, some_uris
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pipeline.file_system import atomic_path, download_if_needed


class RasterioSource(RasterSource):
    """A raster file, or several that are shown as one mosaic.

    The alpha band of a file serves as its mask and is no channel unless `channel_order` names
    it. Nodata values, NaN and mask bands make pixels invalid as well. Pixel values are those of
    the file: scale and offset tags are not applied, and a palette gives its indices. Complex
    rasters give complex chips; a `CastTransformer` turns them into magnitudes. A raster that is
    placed by ground control points is warped to a north-up grid.

    Attributes:
        uris: where the files are.
    """

    def __init__(
        self,
        uris: Uris,
        raster_transformers: Sequence[RasterTransformer] = (),
        allow_streaming: bool = False,
        channel_order: Sequence[int] | None = None,
        bbox: Box | None = None,
        tmp_dir: str | None = None,
        nodata: float | None = None,
    ) -> None:
        """Constructor.

        Args:
            uris: one URI, or several for a mosaic in which later files lie on top. Names of GDAL,
                such as 'NETCDF:file.nc:variable', are URIs, too.
            raster_transformers: transformers of the chips.
            allow_streaming: whether GDAL reads remote files in place, window by window, in any
                case. False leaves that to `reads_well_in_place`: others are downloaded first.
            channel_order: indices of the bands to use; None takes all but an alpha band.
            bbox: part of the raster that is used, in pixels; None for all of it.
            tmp_dir: directory for downloads; None for the download cache.
            nodata: value to treat as nodata, in place of what the files declare.

        Raises:
            ConfigError: no file, or an argument of another type.
            NotReadableError: a file is missing or no raster.
            DataError: the files of a mosaic do not fit together, or bbox misses them.
            ChannelOrderError: a band that does not exist.
        """
        self.uris = some_uris(uris, 'raster source')
        self.allow_streaming = allow_streaming
        self.tmp_dir = tmp_dir
        self.nodata = nodata
        self._reader = RasterReader(self.download_data(stream=allow_streaming))
        info = self._reader.info
        super().__init__(
            channel_order=info.data_bands if channel_order is None else channel_order,
            num_channels_raw=info.count,
            dtype_raw=info.dtype,
            bbox=Box(0, 0, info.height, info.width) if bbox is None else bbox,
            raster_transformers=raster_transformers,
        )
        if not self.readable.area:
            raise DataError(
                f'bbox {self.bbox.tuple_format()} (ymin, xmin, ymax, xmax) has no pixels of '
                f'{self._describe()}, which has {info.height} rows and {info.width} columns.'
            )
        self._crs_transformer = RasterioCRSTransformer.from_dataset(info)

    def _describe(self) -> str:
        more = f' and {len(self.uris) - 1} more' if len(self.uris) > 1 else ''
        return self.uris[0] + more

    @property
    def imagery_path(self) -> str:
        """What GDAL opens: a file, or the XML text of the VRT of a mosaic."""
        return self._reader.uri

    @property
    def bands_to_read(self) -> NDArray[np.int64]:
        """Numbers of the bands in `channel_order`, from 1."""
        return np.array(self.channel_order, dtype=np.int64) + 1

    @property
    def crs_transformer(self) -> CRSTransformer:
        """Between WGS 84 and pixels; the identity for a raster without CRS."""
        return self._crs_transformer

    @property
    def nodata_values(self) -> list[float | None]:
        """The nodata value of each band in `channel_order`, None where there is none."""
        return [self._reader.info.nodata[band] for band in self.channel_order]

    @property
    def scales_and_offsets(self) -> tuple[list[float], list[float]]:
        """What the file declares for each band in `channel_order`; it is not applied to chips."""
        info = self._reader.info
        return (
            [info.scales[band] for band in self.channel_order],
            [info.offsets[band] for band in self.channel_order],
        )

    def download_data(self, vrt_dir: str | None = None, stream: bool = False) -> str:
        """Make the files readable for GDAL.

        Args:
            vrt_dir: directory to write the VRT of a mosaic to.
            stream: whether remote files stay where they are.

        Returns:
            What GDAL opens: the file; or for a mosaic the path of its VRT in `vrt_dir`, or the
            XML text of the VRT without `vrt_dir`.
        """
        paths = [self._fetch(uri, stream) for uri in self.uris]
        if len(paths) == 1 and self.nodata is None:
            return paths[0]
        vrt = mosaic_vrt(paths, nodata=self.nodata)
        if vrt_dir is None:
            return vrt
        vrt_path = Path(vrt_dir) / 'mosaic.vrt'
        with atomic_path(str(vrt_path)) as path:
            Path(path).write_text(vrt, encoding='utf-8')
        return str(vrt_path)

    def _fetch(self, uri: str, stream: bool) -> str:
        if is_gdal_name(uri):
            return uri
        in_vrt = len(self.uris) > 1 or self.nodata is not None
        if in_vrt and '@' in urlsplit(uri).netloc:  # the XML of a VRT cannot name an Azure account
            in_place = False
        else:
            in_place = is_remote(uri) if stream else reads_well_in_place(uri)
        return uri if in_place else str(Path(download_if_needed(uri, self.tmp_dir)).absolute())

    def get_chip(  # type: ignore[override] # 0.31 has bands in the second place here
        self,
        window: Box,
        bands: Sequence[int] | slice | None = None,
        out_shape: tuple[int, int] | None = None,
    ) -> NDArray[Any]:
        """Read a chip.

        Args:
            window: box in the extent frame.
            bands: channels of the chip to return, as indices or a slice; None for all.
            out_shape: (height, width) to resample to, bilinearly.

        Returns:
            (H, W, C) pixels with nodata as 0.
        """
        if bands is None:
            return self.read(window, out_shape=out_shape).pixels
        if self.raster_transformers:
            # they may mix channels, so all are needed first
            pixels = self.read(window, out_shape=out_shape).pixels
            return pixels[..., bands if isinstance(bands, slice) else list(bands)]
        order = self.channel_order
        chosen = order[bands] if isinstance(bands, slice) else [order[band] for band in bands]
        return self._read_extent(window, out_shape, chosen).zeroed().pixels

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Chip by Box, or by slices of rows, columns and channels (read only these)."""
        if isinstance(key, Box):
            return self.get_chip(key)
        window, out_shape, _, channels = self._parse_key(key)
        if isinstance(channels, slice):
            return self.get_chip(window, bands=channels, out_shape=out_shape)
        return self.get_chip(window, out_shape=out_shape)[..., channels]

    @property
    def _interpolates(self) -> bool:
        return not self._reader.info.has_palette

    @property
    def readable(self) -> Box:
        """Part of `bbox` that the file has, in pixels of the file."""
        return self.bbox.intersection(Box(0, 0, self._reader.info.height, self._reader.info.width))

    @property
    def may_have_gaps(self) -> bool:
        """Whether the file declares nodata, can have NaN, or does not have all of `bbox`."""
        info = self._reader.info
        declared = info.has_mask or info.alpha is not None
        declared |= any(value is not None for value in self.nodata_values)
        return declared or info.dtype.kind not in 'iu' or self.readable != self.bbox

    def _read(self, window: Box, out_shape: tuple[int, int] | None, bands: Sequence[int]) -> Chip:
        return self._reader.read(window, bands, out_shape)


def rasterio_source_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a config written by an older release."""
    if version == 5:
        x_shift, y_shift = cfg_dict.pop('x_shift', 0), cfg_dict.pop('y_shift', 0)
        if x_shift or y_shift:
            raise ConfigError(
                'x_shift and y_shift of a rasterio source are no longer supported; shift the '
                'labels by a shift_transformer of their vector source.'
            )
    return cfg_dict


@register_config('rasterio_source', upgrader=rasterio_source_config_upgrader)
class RasterioSourceConfig(RasterSourceConfig):
    """Imagery in one file, or in several that are shown as one mosaic; anything GDAL reads."""

    uris: str | list[str] = Field(
        ...,
        description='URI of the image, or a list of URIs to show as one mosaic, in which later '
        'files lie on top.',
    )
    allow_streaming: bool = Field(
        False,
        description='Read remote files in place, window by window, in any case. False: do so with '
        'large tiled files, such as Cloud Optimized GeoTIFFs, and download others first; the '
        'setting RV_STREAMING=never downloads all.',
    )
    nodata: float | None = Field(
        None,
        description='Value of pixels without data, in place of what the file declares; for '
        'files that declare none.',
    )

    @field_validator('uris')
    @classmethod
    def _check_uris(cls, value: str | list[str]) -> str | list[str]:
        if not value:
            raise ValueError('at least one file must be named.')
        return value

    def build(self, tmp_dir: str | None = None, use_transformers: bool = True) -> RasterioSource:
        return RasterioSource(
            uris=self.uris,
            raster_transformers=self._build_transformers(use_transformers),
            allow_streaming=self.allow_streaming,
            channel_order=self.channel_order,
            bbox=None if self.bbox is None else Box(*self.bbox),
            tmp_dir=tmp_dir,
            nodata=self.nodata,
        )
