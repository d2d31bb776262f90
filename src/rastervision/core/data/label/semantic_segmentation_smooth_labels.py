"""Smooth labels of semantic segmentation: averaged class scores."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rastervision.core.box import Box
from rastervision.core.data.label import block_store
from rastervision.core.data.label.block_store import BlockStore
from rastervision.core.data.label.semantic_segmentation_labels import (
    SemanticSegmentationLabels,
    accumulate,
    add_blocks,
)

if TYPE_CHECKING:
    from rastervision.core.data.class_config import ClassConfig
    from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
    from rastervision.core.data.label_store.ss_outputs import ScoreDtype
    from rastervision.core.data.label_store.vector_output import VectorOutputConfig


class SemanticSegmentationSmoothLabels(SemanticSegmentationLabels, smooth=True):
    """Class scores, averaged over the windows that show a pixel."""

    def __init__(
        self,
        extent: Box,
        num_classes: int,
        dtype: DTypeLike = np.float32,
        dtype_hits: DTypeLike = np.uint8,
    ) -> None:
        """Constructor.

        Args:
            extent: Box(0, 0, height, width).
            num_classes: C.
            dtype: dtype of the sums of scores.
            dtype_hits: dtype of the numbers of windows per pixel.
        """
        super().__init__(extent, num_classes, dtype)
        self._hits = BlockStore((1, *extent.size), dtype_hits, block_store.MEMORY_BYTES // 4)

    def add_window(self, window: Box, pixel_class_scores: NDArray[Any]) -> None:
        """Add scores of a window.

        Args:
            window: window in the extent frame.
            pixel_class_scores: (C, h, w) scores.
        """
        inside = window.intersection(self.extent)
        fresh = True
        for _, hits in self._hits.changing(inside):
            fresh &= not hits.any()
            np.add(hits, 1, out=hits)
        # scores of pixels that no window has shown are 0, so both do the same
        self._write(window, pixel_class_scores, np.copyto if fresh else accumulate)

    def __setitem__(self, window: Box, values: NDArray[Any]) -> None:
        """Replace the scores of a window: (C, h, w)."""
        self._write(window, values, np.copyto)
        inside = window.intersection(self.extent)
        for _, hits in self._hits.changing(inside):
            hits[...] = 1

    def __getitem__(self, window: Box) -> NDArray[np.float32]:
        """(C, h, w) scores of a window."""
        return self.get_score_arr(window)

    def get_score_arr(self, window: Box) -> NDArray[np.float32]:
        """Mean scores of all classes in a window: (C, h, w); 0 where there is no label."""
        out = np.zeros((self.num_classes, *window.size), dtype=np.float32)
        inside = window.intersection(self.extent)
        for part, total in self._store.parts(inside):
            target = out[:, *part.to_local_coords(window).to_slices()]
            target[...] = total
            hits = self.get_hits(part)
            if hits.max(initial=0) > 1:
                target /= np.maximum(hits, 1)
        return out

    @property
    def pixel_scores(self) -> NDArray[Any]:
        """Sums of scores over the whole extent: (C, H, W). A copy, in memory."""
        return self._store.read(self.extent)

    @property
    def pixel_hits(self) -> NDArray[Any]:
        """`get_hits` of the whole extent: (H, W). A copy, in memory."""
        return self.get_hits(self.extent)

    def get_hits(self, window: Box) -> NDArray[Any]:
        """Number of windows that have shown each pixel of a window within the extent: (h, w)."""
        return np.asarray(self._hits.read(window)[0])

    def get_class_mask(
        self, window: Box, class_id: int, threshold: float | None = None
    ) -> NDArray[np.bool_]:
        """Where the score of a class is at least `threshold`, 1 / number of classes when None."""
        if threshold is None:
            threshold = 1 / self.num_classes
        return super().get_class_mask(window, class_id, threshold)

    def save(
        self,
        uri: str,
        crs_transformer: 'CRSTransformer',
        class_config: 'ClassConfig',
        bbox: Box | None = None,
        tmp_dir: str | None = None,
        save_as_rgb: bool = False,
        discrete_output: bool = True,
        smooth_output: bool = True,
        smooth_as_uint8: bool = False,
        rasterio_block_size: int = 512,
        vector_outputs: 'Sequence[VectorOutputConfig] | None' = None,
        profile_overrides: dict[str, Any] | None = None,
        smooth_dtype: 'ScoreDtype | None' = None,
    ) -> None:
        """Write label and score rasters and polygons; see `SemanticSegmentationLabelStore`.

        Args:
            uri: folder to write to.
            crs_transformer: of the image.
            class_config: names and colours of the classes.
            bbox: where the extent lies in the image; its upper left corner when None.
            tmp_dir: folder for temporary files.
            save_as_rgb: write colours instead of class ids to `labels.tif`.
            discrete_output: write `labels.tif`.
            smooth_output: write `scores.tif`.
            smooth_as_uint8: write scores as 0..255 instead of float32.
            rasterio_block_size: side of the tiles of the rasters, in pixels.
            vector_outputs: polygons to write.
            profile_overrides: rasterio creation options that replace ours.
            smooth_dtype: how scores are kept; when None, smooth_as_uint8 says.
        """
        from rastervision.core.data.label_store import SemanticSegmentationLabelStore

        SemanticSegmentationLabelStore(
            uri=uri,
            crs_transformer=crs_transformer,
            class_config=class_config,
            bbox=bbox,
            tmp_dir=tmp_dir,
            vector_outputs=vector_outputs,
            save_as_rgb=save_as_rgb,
            discrete_output=discrete_output,
            smooth_output=smooth_output,
            smooth_as_uint8=smooth_as_uint8,
            rasterio_block_size=rasterio_block_size,
            smooth_dtype=smooth_dtype,
        ).save(self, profile=profile_overrides)

    def _add(self, other: Self) -> None:
        super()._add(other)
        add_blocks(self._hits, other._hits)

    def _reset(self, window: Box, mask: NDArray[np.bool_], class_id: int | None) -> None:
        super()._reset(window, mask, class_id)
        inside = window.intersection(self.extent)
        for part, hits in self._hits.changing(inside):
            hits[0, mask[part.to_local_coords(window).to_slices()]] = class_id is not None

    def _labelled(self, best: NDArray[Any], part: Box) -> NDArray[np.bool_]:  # noqa: ARG002 - hits say
        return np.asarray(self.get_hits(part) > 0)
