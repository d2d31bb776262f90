"""BandedGeoTiff: a raster that is written from top to bottom."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.utils.quiet import quiet
from rastervision.pipeline.errors import NotWritableError


class BandedGeoTiff:
    """A GeoTIFF that is written in bands of rows, by whole rows of tiles.

    Use it in a `with` statement; the file is complete when the block ends.
    """

    def __init__(self, path: str, uri: str, profile: dict[str, Any]) -> None:
        """Constructor.

        Args:
            path: local file to write.
            uri: what to call it in messages.
            profile: rasterio profile.
        """
        self._path = path
        self._uri = uri
        self._profile = {key: value for key, value in profile.items() if value is not None}
        self._row = 0
        self._waiting: NDArray[Any] | None = None  # room for a row of tiles ...
        self._num_waiting = 0  # ... and how many of its rows are filled

    def __enter__(self) -> Self:
        self._dataset = self._open('w', **self._profile)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._errors():
            if exc_type is None and self._waiting is not None:
                self._write(self._waiting[:, : self._num_waiting])
            self._dataset.close()
        if exc_type is None:
            self._check_complete()

    def add(self, rows: NDArray[Any]) -> None:
        """Take the next (count, h, width) rows."""
        block = self._profile['blockysize'] if self._profile.get('tiled') else 1
        y, height = 0, rows.shape[1]
        while y < height:
            if not self._num_waiting and height - y >= block:
                whole = (height - y) // block * block
                self._write(rows[:, y : y + whole])
                y += whole
            else:
                y += self._keep(rows[:, y:], block)

    def _keep(self, rows: NDArray[Any], block: int) -> int:
        """Keep rows until a row of tiles is full; how many of them were taken."""
        if self._waiting is None:
            self._waiting = np.empty((len(rows), block, rows.shape[2]), rows.dtype)
        taken: int = min(rows.shape[1], block - self._num_waiting)
        filled = self._num_waiting + taken
        self._waiting[:, self._num_waiting : filled] = rows[:, :taken]
        self._num_waiting = filled % block
        if filled == block:
            self._write(self._waiting)
        return taken

    def describe_classes(self, class_config: ClassConfig, palette: bool) -> None:
        """Put names and, with `palette`, colours of the classes into a raster of class ids."""
        names = json.dumps(class_config.names, ensure_ascii=False)
        self._dataset.update_tags(CLASS_NAMES=names)
        if palette:
            colors = {i: (*rgb, 255) for i, rgb in enumerate(class_config.color_triples)}
            self._dataset.write_colormap(1, colors)

    def describe_bands(self, class_config: ClassConfig) -> None:
        """Call every band of a raster of scores by its class."""
        for i, name in enumerate(class_config.names, start=1):
            self._dataset.set_band_description(i, name)

    def _write(self, rows: NDArray[Any]) -> None:
        window = Window(0, self._row, self._profile['width'], rows.shape[1])
        with self._errors():
            self._dataset.write(rows, window=window)
        self._row += rows.shape[1]

    def _open(self, mode: str, **profile: Any) -> Any:
        # an image without a georeference is nothing unusual
        with self._errors(), quiet(NotGeoreferencedWarning):
            return rasterio.open(self._path, mode, **profile)

    def _check_complete(self) -> None:
        """Look whether all tiles are in the file: closing does not tell when the disk is full."""
        size = Path(self._path).stat().st_size
        with self._open('r') as dataset:
            for band in dataset.indexes:
                for (row, column), _ in dataset.block_windows(band):
                    offset, length = (
                        dataset.get_tag_item(f'BLOCK_{what}_{column}_{row}', 'TIFF', bidx=band)
                        for what in ('OFFSET', 'SIZE')
                    )
                    if offset is None or int(offset) + int(length) > size:
                        raise NotWritableError(
                            f'{self._uri} could only be written in part; is the disk full?'
                        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (RasterioError, CPLE_BaseError) as e:
            cause = ' '.join(str(e.__cause__ or e).split())
            raise NotWritableError(f'{self._uri} cannot be written: {cause}') from e
