"""Reading windows of one raster through GDAL: handles, masks, resampling."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.windows import Window

from rastervision.core.box import Box
from rastervision.core.chip import Chip, Mask, all_valid, nodata_elements, valid_pixels
from rastervision.core.data.raster_source.rasterio_io import (
    CACHE_BYTES,
    WINDOW_ROWS,
    band_dtypes,
    gdal_errors,
    gdal_path,
    is_remote,
    open_here,
    open_raster,
    reserve_cache,
)
from rastervision.core.data.raster_source.remote_rasters import RemoteRaster
from rastervision.pipeline.errors import NotReadableError

Result = TypeVar('Result')

MANY_JUMPS = 16


@dataclass(frozen=True, slots=True)
class RasterInfo:
    """What reading needs to know about a raster.

    Attributes:
        height: rows.
        width: columns.
        dtype: common dtype of the bands.
        nodata: per band, the declared nodata value or None.
        alpha: index of the alpha band, None without.
        has_mask: whether there is a mask band, internal or in a file beside.
        has_palette: whether pixel values are indices into a colour table.
        scales: per band, the declared factor by which stored values are to be multiplied.
        offsets: per band, what is to be added then.
        crs: rasterio CRS or None.
        transform: pixel (x, y) to coordinates in `crs`.
    """

    height: int
    width: int
    dtype: np.dtype[Any]
    nodata: tuple[float | None, ...]
    alpha: int | None
    has_mask: bool
    has_palette: bool
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    crs: Any
    transform: Affine

    @classmethod
    def of(cls, dataset: Any) -> Self:
        """Read the facts off an open dataset."""
        alpha = [i for i, c in enumerate(dataset.colorinterp) if c == ColorInterp.alpha]
        return cls(
            height=dataset.height,
            width=dataset.width,
            dtype=np.result_type(*band_dtypes(dataset)),
            nodata=tuple(dataset.nodatavals),
            alpha=alpha[0] if alpha and dataset.count > 1 else None,
            has_mask=any(
                MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
                for flags in dataset.mask_flag_enums
            ),
            has_palette=ColorInterp.palette in dataset.colorinterp,
            scales=tuple(dataset.scales),
            offsets=tuple(dataset.offsets),
            crs=dataset.crs,
            transform=dataset.transform,
        )

    @property
    def count(self) -> int:
        """Number of bands, alpha included."""
        return len(self.nodata)

    @property
    def data_bands(self) -> list[int]:
        """Indices of all bands but the alpha band."""
        return [i for i in range(self.count) if i != self.alpha]


class RasterReader:
    """Reads windows of one raster, from any thread and any process.

    Every thread has a handle of its own, opened at its first read and closed with the thread. A
    pickled or forked reader opens anew.

    Attributes:
        uri: what `open_raster` takes.
        info: facts about the raster.
    """

    def __init__(self, uri: str) -> None:
        """Open the raster and read its facts.

        Raises:
            NotReadableError: the file is missing or no raster.
        """
        self.uri = uri
        self._forget()
        self.info = self._call(lambda: RasterInfo.of(self.dataset))

    def _forget(self) -> None:
        """Start without handles, and without having read anything."""
        self._remote = RemoteRaster.of(self.uri) if is_remote(self.uri) else None
        self._local = threading.local()
        self._last_row = 0
        self._jumps = 0

    @property
    def dataset(self) -> Any:
        """This thread's open dataset."""
        pid = os.getpid()
        if getattr(self._local, 'pid', None) != pid:
            # a handle from before a fork stays the parent's: it is kept, not closed
            self._local.inherited = getattr(self._local, 'handle', None)
            self._local.handle, self._local.pid = self._open(), pid
        return self._local.handle

    def _open(self) -> Any:
        return open_here(gdal_path(self.uri), self.uri) if self._remote else open_raster(self.uri)

    def _call(self, action: Callable[[], Result]) -> Result:
        """Do something that reads the raster; with another handle if a remote one fails."""
        if self._remote is None:
            return action()

        def act() -> Result:
            try:
                return action()
            except NotReadableError:
                self._local.handle = self._local.pid = None
                raise

        return self._remote.call(act)

    def __getstate__(self) -> dict[str, Any]:
        return {'uri': self.uri, 'info': self.info}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.uri, self.info = state['uri'], state['info']
        self._forget()

    def read(
        self, window: Box, bands: Sequence[int], out_shape: tuple[int, int] | None = None
    ) -> Chip:
        """Read a window.

        Args:
            window: integer box within the raster.
            bands: indices of the bands to read, from 0.
            out_shape: (height, width) to resample to: bilinear for pixels (nearest for a
                palette), nearest for the mask.

        Returns:
            Chip of shape (H, W, len(bands)). Elements with the declared nodata value are 0. A
            pixel is valid unless all the bands read are nodata or NaN there, or an alpha or
            mask band says 0.

        Raises:
            NotReadableError: GDAL failed, as for a truncated file.
        """
        self._note_order(window)
        rio_window = Window(window.xmin, window.ymin, window.width, window.height)
        rows = f'rows {window.ymin}-{window.ymax}, columns {window.xmin}-{window.xmax}'

        def read() -> tuple[NDArray[Any], Mask | None]:
            with gdal_errors(self.uri, f'be read at {rows}'):
                if out_shape is None or tuple(out_shape) == window.size:
                    return self._read(rio_window, bands)
                return self._read_resampled(rio_window, bands, out_shape)

        pixels, valid = self._call(read)
        if valid is None:
            valid = all_valid(*pixels.shape[1:])
        return Chip(pixels.transpose(1, 2, 0), valid)

    def _note_order(self, window: Box) -> None:
        """Have a large block cache when windows jump back: their blocks will be wanted again."""
        if window.ymin < self._last_row - WINDOW_ROWS:
            self._jumps += 1
            if self._jumps == MANY_JUMPS:
                reserve_cache(CACHE_BYTES[1])
        self._last_row = window.ymin

    def _read(self, window: Window, bands: Sequence[int]) -> tuple[NDArray[Any], Mask | None]:
        dataset, info = self.dataset, self.info
        indexes = [band + 1 for band in bands]
        if info.alpha is not None:
            indexes.append(info.alpha + 1)
        data = dataset.read(indexes, window=window, out_dtype=info.dtype)
        pixels = data[: len(bands)]
        elements = nodata_elements(pixels, [info.nodata[band] for band in bands])
        valid = valid_pixels(pixels, elements)
        for band, empty in zip(pixels, elements, strict=True):
            if empty is not None:
                band[empty] = 0
        if info.alpha is not None:
            valid = _both(valid, data[-1] != 0)
        if info.has_mask:
            valid = _both(valid, dataset.read_masks(1, window=window) != 0)
        return pixels, valid

    def _read_resampled(
        self, window: Window, bands: Sequence[int], out_shape: tuple[int, int]
    ) -> tuple[NDArray[Any], Mask | None]:
        dataset, info = self.dataset, self.info
        indexes = [band + 1 for band in bands]
        shape = (len(bands), *out_shape)
        how = Resampling.nearest if info.has_palette else Resampling.bilinear
        pixels = dataset.read(
            indexes, window=window, out_shape=shape, out_dtype=info.dtype, resampling=how
        )
        elements: list[Mask | None] = [None] * len(bands)
        if any(info.nodata[band] is not None for band in bands):
            masks = dataset.read_masks(indexes, window=window, out_shape=shape)
            elements = list(masks == 0)
        valid = valid_pixels(pixels, elements)
        for band, empty in zip(pixels, elements, strict=True):
            if empty is not None:
                band[empty] = 0
        if info.alpha is not None:
            alpha = dataset.read(info.alpha + 1, window=window, out_shape=out_shape)
            valid = _both(valid, alpha != 0)
        if info.has_mask:
            mask = dataset.read_masks(1, window=window, out_shape=out_shape)
            valid = _both(valid, mask != 0)
        return pixels, valid


def _both(a: Mask | None, b: Mask) -> Mask:
    return b if a is None else a & b
