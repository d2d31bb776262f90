"""Reading class maps and scores of a scene."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.raster_source.raster_reader import RasterReader
from rastervision.core.data.raster_transformer.rgb_class_transformer import RGBClassTransformer
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system import download_if_needed, is_local


class Readers:
    """Readers of rasters that may be written again meanwhile."""

    def __init__(self, tmp_dir: str | None) -> None:
        """Constructor.

        Args:
            tmp_dir: folder for downloads.
        """
        self._tmp_dir = tmp_dir
        self._readers: dict[str, tuple[int, RasterReader]] = {}

    def get(self, uri: str) -> RasterReader:
        """A reader of the raster as it is now."""
        path = uri if is_local(uri) else download_if_needed(uri, self._tmp_dir)
        stamp = Path(path).stat().st_mtime_ns if Path(path).exists() else 0
        if uri not in self._readers or self._readers[uri][0] != stamp:
            self._readers[uri] = stamp, RasterReader(path)
        return self._readers[uri][1]

    def extent(self, uri: str, bbox: Box | None) -> Box:
        """Box(0, 0, height, width) of a raster.

        Args:
            uri: the raster.
            bbox: a box that must be of the same size, if there is one.

        Raises:
            DataError: it is of another size.
        """
        reader = self.get(uri)
        extent = Box(0, 0, reader.info.height, reader.info.width)
        if bbox is not None and bbox.size != extent.size:
            raise DataError(
                f'{reader.uri} has {extent.height} x {extent.width} pixels, but the scene has '
                f'{bbox.height} x {bbox.width}.'
            )
        return extent


def read_labels(reader: RasterReader, window: Box, class_config: ClassConfig) -> NDArray[np.uint8]:
    """Class ids of a window: (h, w), from a raster of ids or of colours.

    Raises:
        DataError: a value in the raster is no class id.
    """
    if reader.info.count == 3:
        rgb = reader.read(window, [0, 1, 2]).pixels
        return RGBClassTransformer(class_config).rgb_to_class(rgb)
    labels: NDArray[np.uint8] = reader.read(window, [0]).pixels[..., 0]
    if labels.max(initial=0) >= len(class_config):
        raise DataError(
            f'{reader.uri} holds the class id {labels.max()}, but the classes are '
            f'{dict(enumerate(class_config.names))}.'
        )
    return labels


def read_scores(reader: RasterReader, window: Box) -> NDArray[np.float32]:
    """Scores of a window: (C, h, w) in [0, 1]."""
    scores = reader.read(window, range(reader.info.count)).pixels.transpose(2, 0, 1)
    if scores.dtype == np.uint8:
        scaled: NDArray[np.float32] = np.divide(scores, 255, dtype=np.float32)
        return scaled
    return scores.astype(np.float32, copy=False)
