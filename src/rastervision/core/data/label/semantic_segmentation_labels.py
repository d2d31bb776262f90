"""Labels of semantic segmentation: a class or class scores for every pixel."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.label.block_store import BlockStore
from rastervision.core.data.label.labels import Labels
from rastervision.core.data.label.utils import discard_prediction_edges
from rastervision.core.data.utils.aoi import AOIMask
from rastervision.core.prediction.tiles import best_class

DEFAULT_WINDOW_SIZE = 1000


class SemanticSegmentationLabels(Labels):
    """Labels for every pixel of an extent; predictions for overlapping windows add up.

    Windows are in the extent frame. What of a window lies outside the extent is ignored when
    labels are added, and has no label when they are read. Large scenes are kept on disk in part
    (see `BlockStore`).

    `SemanticSegmentationLabels.make_empty` and `.from_predictions` make one of the two kinds:
    discrete labels (votes for classes) or smooth ones (averaged scores).

    Attributes:
        extent: Box(0, 0, height, width).
        num_classes: C.
        dtype: dtype of the votes or scores.
    """

    _kinds: ClassVar[dict[bool, type['SemanticSegmentationLabels']]] = {}

    def __init_subclass__(cls, smooth: bool | None = None, **kwargs: Any) -> None:
        """Make a subclass the kind of smooth or discrete labels that the factories give."""
        super().__init_subclass__(**kwargs)
        if smooth is not None:
            cls._kinds[smooth] = cls

    def __init__(self, extent: Box, num_classes: int, dtype: DTypeLike) -> None:
        if tuple(extent)[:2] != (0, 0):
            raise ValueError(f'The extent of labels must start at (0, 0), got {extent}.')
        self.extent = extent
        self.num_classes = num_classes
        self.dtype = np.dtype(dtype)
        self._store = BlockStore((num_classes, *extent.size), dtype)

    @property
    def height(self) -> int:
        """Height of the extent."""
        return self.extent.height

    @property
    def width(self) -> int:
        """Width of the extent."""
        return self.extent.width

    @classmethod
    def make_empty(cls, extent: Box, num_classes: int, smooth: bool = False) -> Self:
        """Labels without any pixel labelled.

        Args:
            extent: Box(0, 0, height, width).
            num_classes: C.
            smooth: which kind to make; a subclass makes its own kind.
        """
        kind: Any = cls._kinds[smooth] if cls is SemanticSegmentationLabels else cls
        labels: Self = kind(extent, num_classes)
        return labels

    @classmethod
    def from_predictions(
        cls,
        windows: Iterable[Box],
        predictions: Iterable[Any],
        extent: Box,
        num_classes: int,
        smooth: bool = False,
        crop_sz: int | None = None,
    ) -> Self:
        """Labels from predictions for windows.

        Args:
            windows: windows in the extent frame.
            predictions: one array per window: (h, w) class ids for discrete labels, (C, h, w)
                scores for smooth ones.
            extent: Box(0, 0, height, width).
            num_classes: C.
            smooth: which kind to make; a subclass makes its own kind.
            crop_sz: pixels to cut from all edges of every window.
        """
        labels = cls.make_empty(extent, num_classes, smooth=smooth)
        labels.add_predictions(windows, predictions, crop_sz)
        return labels

    def add_predictions(
        self, windows: Iterable[Box], predictions: Iterable[Any], crop_sz: int | None = None
    ) -> None:
        """Add predictions for windows; arguments as for `from_predictions`."""
        if crop_sz:
            windows, predictions = discard_prediction_edges(windows, predictions, crop_sz)
        for window, prediction in zip(windows, predictions, strict=True):
            self.add_window(window, np.asarray(prediction))

    @abstractmethod
    def add_window(self, window: Box, values: NDArray[Any]) -> None:
        """Add labels of a window to what is there."""

    @abstractmethod
    def __setitem__(self, window: Box, values: NDArray[Any]) -> None:
        """Replace the labels of a window."""

    @abstractmethod
    def __getitem__(self, window: Box) -> NDArray[Any]:
        """Labels of a window, of the kind that `__setitem__` takes."""

    def __delitem__(self, window: Box) -> None:
        """Take the labels of a window away."""
        self._reset(window, np.ones(window.size, dtype=bool), None)

    def get_label_arr(self, window: Box, null_class_id: int = -1) -> NDArray[Any]:
        """Class ids of a window.

        Args:
            window: window in the extent frame.
            null_class_id: id for pixels that have no label.

        Returns:
            (h, w) ids; uint8, or int16 for a negative null_class_id.
        """
        dtype = np.uint8 if null_class_id >= 0 else np.int16
        out = np.full(window.size, null_class_id, dtype=dtype)
        inside = window.intersection(self.extent)
        for part, values in self._store.parts(inside):
            classes, best = best_class(values)
            target = out[part.to_local_coords(window).to_slices()]
            np.copyto(target, classes, where=self._labelled(best, part))
        return out

    @abstractmethod
    def get_score_arr(self, window: Box) -> NDArray[np.float32]:
        """Scores of all classes in a window: (C, h, w) in [0, 1]; 0 where there is no label."""

    def get_class_mask(
        self, window: Box, class_id: int, threshold: float | None = None
    ) -> NDArray[np.bool_]:
        """Where a class is predicted in a window.

        Args:
            window: window in the extent frame.
            class_id: the class.
            threshold: least score. When None, discrete labels take the pixels that have this
                class; smooth ones those where its score is at least 1 / number of classes, which
                is a wider area than where it has the highest score.

        Returns:
            (h, w) mask.
        """
        if threshold is None:
            return np.asarray(self.get_label_arr(window) == class_id)
        return np.asarray(self.get_score_arr(window)[class_id] >= threshold)

    def get_windows(self, **kwargs: Any) -> list[Box]:
        """Sliding windows that cover the extent, cut to it.

        Args:
            **kwargs: as for `Box.get_windows`; by default squares of 1000 pixels side by side.
        """
        size = kwargs.pop('size', DEFAULT_WINDOW_SIZE)
        stride = kwargs.pop('stride', size)
        windows = self.extent.get_windows(size, stride, **kwargs)
        return [window.intersection(self.extent) for window in windows]

    def filter_by_aoi(
        self, aoi_polygons: Sequence[BaseGeometry], null_class_id: int, **kwargs: Any
    ) -> Self:
        """Give all pixels outside of some polygons to the null class, in place.

        Args:
            aoi_polygons: polygons in the extent frame; without any, nothing changes.
            null_class_id: id of the null class.
            **kwargs: as for `get_windows`.

        Returns:
            These labels.
        """
        if aoi_polygons:
            mask = AOIMask(aoi_polygons)
            for window in self.get_windows(**kwargs):
                self.mask_fill(window, ~mask(window), null_class_id)
        return self

    def mask_fill(self, window: Box, mask: NDArray[np.bool_], fill_value: Any) -> None:
        """Give some pixels of a window to a class, with one vote or a score of 1.

        Args:
            window: window in the extent frame.
            mask: (h, w) mask of the pixels.
            fill_value: id of the class.
        """
        self._reset(window, mask, fill_value)

    def __add__(self, other: Self) -> Self:
        """Labels with the votes or scores of both."""
        if (self.extent, self.num_classes) != (other.extent, other.num_classes):
            raise ValueError(
                f'Labels of {self.num_classes} classes over {self.extent} cannot be added to '
                f'labels of {other.num_classes} classes over {other.extent}.'
            )
        total = type(self).make_empty(self.extent, self.num_classes)
        for labels in (self, other):
            total._add(labels)
        return total

    def _add(self, other: Self) -> None:
        add_blocks(self._store, other._store)

    def _reset(self, window: Box, mask: NDArray[np.bool_], class_id: int | None) -> None:
        """Leave masked pixels of a window with one vote for a class, or with nothing."""
        inside = window.intersection(self.extent)
        for part, values in self._store.changing(inside):
            masked = mask[part.to_local_coords(window).to_slices()]
            values[:, masked] = 0
            if class_id is not None:
                values[class_id, masked] = 1

    def _write(
        self,
        window: Box,
        values: NDArray[Any],
        change: Callable[[NDArray[Any], NDArray[Any]], None],
    ) -> None:
        """Call `change(stored, values)` for every block of what lies inside the extent."""
        if values.shape[-2:] != window.size:
            raise ValueError(
                f'Labels of shape {values.shape} do not fit a window of {window.size}.'
            )
        inside = window.intersection(self.extent)
        for part, stored in self._store.changing(inside):
            change(stored, values[..., *part.to_local_coords(window).to_slices()])

    def _labelled(self, best: NDArray[Any], part: Box) -> NDArray[np.bool_]:  # noqa: ARG002 - for subclasses
        """Which pixels have a label, by the highest vote or score of each pixel in a box."""
        return np.asarray(best > 0)


def accumulate(total: NDArray[Any], values: NDArray[Any]) -> None:
    """Add values to an array of its own dtype, in place."""
    np.add(total, values, out=total, casting='same_kind')


def add_blocks(total: BlockStore, other: BlockStore) -> None:
    """Add an array to one of the same shape, in place."""
    for box, values in other.parts(total.extent):
        for part, target in total.changing(box):
            accumulate(target, values[:, *part.to_local_coords(box).to_slices()])
