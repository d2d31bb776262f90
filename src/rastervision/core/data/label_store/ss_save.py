"""Labels that are held in memory as bands of rows, for the writer of predictions."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.label import (
    SemanticSegmentationLabels,
    SemanticSegmentationSmoothLabels,
)
from rastervision.core.data.label_store.vector_output import VectorOutputConfig
from rastervision.core.prediction.tiles import ScoreTile

LabelBand: TypeAlias = tuple[Box, NDArray[Any], list[NDArray[np.bool_]]]

SAVE_ROWS = 64
"""Rows at a time: few of them stay in the processor's cache on their way."""


def bands(extent: Box, rows: int) -> Iterator[Box]:
    """Boxes as wide as an extent, from top to bottom, of so many rows; fewer in the last one."""
    for y in range(0, extent.height, rows):
        yield Box(y, 0, min(y + rows, extent.height), extent.width)


def score_tiles(labels: SemanticSegmentationSmoothLabels) -> Iterator[ScoreTile]:
    """Scores in bands; pixels that no window has hit are not valid."""
    for band in bands(labels.extent, SAVE_ROWS):
        yield ScoreTile(band, labels.get_score_arr(band), labels.get_hits(band) > 0)


def label_bands(
    labels: SemanticSegmentationLabels, outputs: Sequence[VectorOutputConfig]
) -> Iterator[LabelBand]:
    """Class ids (h, w) in bands, each with the (h, w) masks of vector outputs."""
    for band in bands(labels.extent, SAVE_ROWS):
        masks = [labels.get_class_mask(band, out.class_id, out.threshold) for out in outputs]
        yield band, labels.get_label_arr(band), masks
