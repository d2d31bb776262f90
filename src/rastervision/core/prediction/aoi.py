"""Predictions of areas of interest only: what lies outside is not seen, and not valid."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge

import numpy as np
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.utils.aoi import AOIMask
from rastervision.core.prediction.tiles import ScoreTile


def with_unseen(
    tiles: Iterable[ScoreTile], unseen: Sequence[Box], num_classes: int
) -> Iterator[ScoreTile]:
    """Put tiles without data in the places of windows that the model has not seen.

    Args:
        tiles: of the other windows, row by row.
        unseen: the windows, row by row.
        num_classes: of the scores.
    """
    blank = (_blank(window, num_classes) for window in unseen)
    return merge(tiles, blank, key=lambda tile: (tile.box.ymin, tile.box.xmin))


def _blank(window: Box, num_classes: int) -> ScoreTile:
    scores = np.broadcast_to(np.float32(0), (num_classes, *window.size))
    return ScoreTile(window, scores, np.broadcast_to(np.False_, window.size))


def within_aoi(
    bands: Iterable[ScoreTile], aoi_polygons: Sequence[BaseGeometry]
) -> Iterator[ScoreTile]:
    """Call pixels outside of all polygons of the extent frame not valid."""
    mask = AOIMask(aoi_polygons)
    for band in bands:
        yield replace(band, valid=band.valid & mask(band.box))
