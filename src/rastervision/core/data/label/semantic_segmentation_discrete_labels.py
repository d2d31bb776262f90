"""Discrete labels of semantic segmentation: votes for classes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rastervision.core.box import Box
from rastervision.core.data.label.semantic_segmentation_labels import SemanticSegmentationLabels

if TYPE_CHECKING:
    from rastervision.core.data.class_config import ClassConfig
    from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
    from rastervision.core.data.label_store.vector_output import VectorOutputConfig


class SemanticSegmentationDiscreteLabels(SemanticSegmentationLabels, smooth=False):
    """Votes for classes: every window that is added gives each of its pixels one vote."""

    def __init__(self, extent: Box, num_classes: int, dtype: DTypeLike = np.uint8) -> None:
        """Constructor.

        Args:
            extent: Box(0, 0, height, width).
            num_classes: C.
            dtype: dtype of the numbers of votes.
        """
        super().__init__(extent, num_classes, dtype)

    def add_window(self, window: Box, pixel_class_ids: NDArray[Any]) -> None:
        """Add one vote per pixel; ids that are not classes (such as -1) give none.

        Args:
            window: window in the extent frame.
            pixel_class_ids: (h, w) class ids.
        """

        def change(votes: NDArray[Any], ids: NDArray[Any]) -> None:
            for class_id in range(self.num_classes):
                votes[class_id] += ids == class_id

        self._write(window, pixel_class_ids, change)

    def __setitem__(self, window: Box, values: NDArray[Any]) -> None:
        """Replace the votes of a window by one per pixel: (h, w) class ids."""

        def change(votes: NDArray[Any], ids: NDArray[Any]) -> None:
            for class_id in range(self.num_classes):
                votes[class_id] = ids == class_id

        self._write(window, values, change)

    def __getitem__(self, window: Box) -> NDArray[Any]:
        """(h, w) class ids of a window, -1 where there is no label."""
        return self.get_label_arr(window)

    def get_score_arr(self, window: Box) -> NDArray[np.float32]:
        """Share of the votes for all classes in a window: (C, h, w) in [0, 1]."""
        out = np.zeros((self.num_classes, *window.size), dtype=np.float32)
        inside = window.intersection(self.extent)
        for part, votes in self._store.parts(inside):
            total = np.maximum(votes.sum(0, dtype=np.float32), 1)
            out[:, *part.to_local_coords(window).to_slices()] = votes / total
        return out

    @property
    def pixel_counts(self) -> NDArray[Any]:
        """Votes over the whole extent: (C, H, W). A copy, in memory."""
        return self._store.read(self.extent)

    @property
    def hit_mask(self) -> NDArray[np.bool_]:
        """Which pixels of the extent have votes: (H, W). A copy, in memory."""
        return np.asarray(self.pixel_counts.any(axis=0))

    def save(
        self,
        uri: str,
        crs_transformer: 'CRSTransformer',
        class_config: 'ClassConfig',
        bbox: Box | None = None,
        tmp_dir: str | None = None,
        save_as_rgb: bool = False,
        raster_output: bool = True,
        rasterio_block_size: int = 512,
        vector_outputs: 'Sequence[VectorOutputConfig] | None' = None,
        profile_overrides: dict[str, Any] | None = None,
    ) -> None:
        """Write a label raster and polygons; see `SemanticSegmentationLabelStore`.

        Args:
            uri: folder to write to.
            crs_transformer: of the image.
            class_config: names and colours of the classes.
            bbox: where the extent lies in the image; its upper left corner when None.
            tmp_dir: folder for temporary files.
            save_as_rgb: write colours instead of class ids.
            raster_output: write `labels.tif`.
            rasterio_block_size: side of the tiles of the raster, in pixels.
            vector_outputs: polygons to write.
            profile_overrides: rasterio creation options that replace ours.
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
            discrete_output=raster_output,
            rasterio_block_size=rasterio_block_size,
        ).save(self, profile=profile_overrides)
