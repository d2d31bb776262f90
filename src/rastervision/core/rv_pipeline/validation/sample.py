"""Reading a bounded number of windows of a scene: data, nodata, and classes of pixels."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.chip import Chip
from rastervision.core.data import Scene, SemanticSegmentationLabelSource
from rastervision.core.data.utils.aoi import AOIMask
from rastervision.core.prediction.scene_plan import Windows
from rastervision.pipeline.errors import RVError

TILE = 512
MAX_TILES = 48
"""Of a larger scene, so many tiles are read, drawn at random."""


@dataclass(slots=True)
class Sample:
    """What was seen in the tiles of a scene that were read.

    Attributes:
        pixels: How many pixels were read.
        nodata: How many of them have no data.
        black: How many have data, which are 0 in all channels.
        total: How many pixels there are, in all tiles.
        lows: (C,) least value of each channel; None before any pixel with data.
        highs: (C,) greatest values.
        classes: (K,) pixels of each class, where there are data, a label and interest.
        image_error: Why the image could not be read.
        label_error: Why the labels could not be read.
    """

    total: int
    pixels: int = 0
    nodata: int = 0
    black: int = 0
    lows: NDArray[np.float64] | None = None
    highs: NDArray[np.float64] | None = None
    classes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    image_error: RVError | None = None
    label_error: RVError | None = None

    @property
    def share(self) -> float:
        """Share of the pixels that was read."""
        return self.pixels / self.total if self.total else 0.0

    def flat_channels(self) -> list[int]:
        """Return the channels that have one value in all pixels."""
        if self.lows is None or self.highs is None:
            return []
        return np.flatnonzero(self.lows == self.highs).tolist()


def sample_tiles(
    extent: Box, aoi_polygons: Sequence[BaseGeometry], seed: str
) -> tuple[list[Box], int]:
    """Return the tiles to read of an extent, and how many pixels all of its tiles have.

    Args:
        extent: What the tiles cover.
        aoi_polygons: Areas of interest; only tiles that touch one are there.
        seed: What the random choice depends on.
    """
    tiles = Windows(range(0, extent.height, TILE), range(0, extent.width, TILE), TILE)
    if aoi_polygons:
        tiles = tiles.touching(aoi_polygons)
    count = len(tiles)
    chosen = np.arange(count)
    if count > MAX_TILES:
        rng = np.random.default_rng(zlib.crc32(seed.encode()))
        chosen = np.sort(rng.choice(count, MAX_TILES, replace=False))
    boxes = [tiles[int(i)].intersection(extent) for i in chosen]
    area = sum(box.area for box in boxes)
    if count <= MAX_TILES:
        return boxes, area
    return boxes, extent.area if not aoi_polygons else round(area / len(boxes) * count)


def read_sample(scene: Scene, num_classes: int) -> Sample:
    """Read tiles of a scene; classes are counted where labels are those of pixels."""
    aoi = scene.aoi_polygons_bbox_coords
    tiles, total = sample_tiles(scene.extent, aoi, scene.id)
    sample = Sample(total, classes=np.zeros(num_classes, np.int64))
    mask = AOIMask(aoi) if aoi else None
    for tile in tiles:
        try:
            chip = scene.raster_source.read(tile)
        except RVError as error:
            sample.image_error = error
            break
        _count_pixels(sample, chip)
        if sample.label_error is None:
            try:
                _count_classes(sample, scene, chip, tile, mask)
            except RVError as error:
                sample.label_error = error
    return sample


def _seen(chip: Chip) -> NDArray[np.bool_]:
    """(H, W) mask of the pixels that have data, at any time."""
    valid = chip.valid
    return np.asarray(valid.reshape(-1, *valid.shape[-2:]).any(axis=0))


def _count_pixels(sample: Sample, chip: Chip) -> None:
    valid = chip.valid
    values = chip.pixels[valid]  # (N, C)
    sample.pixels += _seen(chip).size
    sample.nodata += int((~_seen(chip)).sum())
    if not len(values):
        return
    if valid.ndim == 2:
        sample.black += int((values == 0).all(axis=1).sum())
    if np.iscomplexobj(values):
        return
    lows, highs = (f(values, axis=0).astype(np.float64) for f in (np.min, np.max))
    sample.lows = lows if sample.lows is None else np.minimum(sample.lows, lows)
    sample.highs = highs if sample.highs is None else np.maximum(sample.highs, highs)


def _count_classes(
    sample: Sample, scene: Scene, chip: Chip, tile: Box, mask: AOIMask | None
) -> None:
    source = scene.label_source
    if not isinstance(source, SemanticSegmentationLabelSource):
        return
    labels = source.get_label_arr(tile)
    counted = _seen(chip) & source.has_label(tile)
    if mask is not None:
        counted &= mask(tile)
    sample.classes += np.bincount(labels[counted], minlength=len(sample.classes))
