"""NpBoxList: boxes with named columns, as code written for release 0.31 knows them.

New code has `ObjectDetectionLabels` and the functions on arrays in `boxes`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.label import boxes as box_ops
from rastervision.core.data.label.boxes import Boxes, Indices

BOXES, SCORES = 'boxes', 'scores'


class NpBoxList:
    """(N, 4) boxes (ymin, xmin, ymax, xmax), and further arrays of N entries by name."""

    def __init__(self, data: Boxes) -> None:
        """Constructor.

        Args:
            data: (N, 4) boxes.

        Raises:
            ValueError: another shape, or a box whose ends come before its starts.
        """
        data = np.asarray(data)
        if data.ndim != 2 or data.shape[1] != 4:
            raise ValueError(f'Boxes must be of shape (N, 4), got {data.shape}.')
        if (data[:, :2] > data[:, 2:]).any():
            raise ValueError(
                'Boxes must be ymin, xmin, ymax, xmax with ymin <= ymax, xmin <= xmax.'
            )
        self.data: dict[str, NDArray[Any]] = {BOXES: data}

    def num_boxes(self) -> int:
        """Number of boxes."""
        return len(self.data[BOXES])

    def get_extra_fields(self) -> list[str]:
        """Names of the arrays that go with the boxes."""
        return [name for name in self.data if name != BOXES]

    def has_field(self, field: str) -> bool:
        """Whether there is an array of a name; the boxes are called "boxes"."""
        return field in self.data

    def add_field(self, name: str, data: NDArray[Any]) -> None:
        """Add an array of N entries.

        Raises:
            ValueError: the name is taken, or the length is another one.
        """
        if self.has_field(name):
            raise ValueError(f'There is a field {name!r} already.')
        if np.ndim(data) < 1 or len(data) != self.num_boxes():
            raise ValueError(f'Field {name!r} must have {self.num_boxes()} entries.')
        self.data[name] = np.asarray(data)

    def get(self) -> Boxes:
        """(N, 4) boxes."""
        return self.get_field(BOXES)

    def get_field(self, name: str) -> NDArray[Any]:
        """An array by name.

        Raises:
            ValueError: there is none.
        """
        if not self.has_field(name):
            raise ValueError(f'There is no field {name!r}, only {", ".join(self.data)}.')
        return self.data[name]

    def get_coordinates(self) -> tuple[NDArray[Any], ...]:
        """(N,) ymin, xmin, ymax and xmax."""
        return tuple(self.get().T)

    def take(self, where: Indices, fields: Iterable[str] | None = None) -> 'NpBoxList':
        """Boxes by position, with some or (None) all of the arrays that go with them."""
        taken = NpBoxList(self.get()[where])
        for name in self.get_extra_fields() if fields is None else fields:
            taken.add_field(name, self.get_field(name)[where])
        return taken


def clip_to_window(boxlist: NpBoxList, window: NDArray[Any]) -> NpBoxList:
    """Cut boxes to a window (ymin, xmin, ymax, xmax); those without area in it drop out."""
    clipped = box_ops.clip_boxes(boxlist.get(), Box(*np.asarray(window).tolist()))
    inside = NpBoxList(clipped)
    for name in boxlist.get_extra_fields():
        inside.add_field(name, boxlist.get_field(name))
    return inside.take(np.flatnonzero(box_ops.box_areas(clipped) > 0))


def concatenate(boxlists: Sequence[NpBoxList], fields: Sequence[str] | None = None) -> NpBoxList:
    """Join lists of boxes.

    Args:
        boxlists: at least one.
        fields: arrays to take over; None takes those of the first list.
    """
    if not boxlists:
        raise ValueError('There is nothing to join.')
    joined = NpBoxList(np.concatenate([boxlist.get() for boxlist in boxlists]))
    for name in boxlists[0].get_extra_fields() if fields is None else fields:
        joined.add_field(name, np.concatenate([boxlist.get_field(name) for boxlist in boxlists]))
    return joined


def non_max_suppression(
    boxlist: NpBoxList,
    max_output_size: int = 10_000,
    iou_threshold: float = 1.0,
    score_threshold: float = -10.0,
) -> NpBoxList:
    """Keep the best of boxes that overlap, whatever their classes.

    Args:
        boxlist: boxes with a field "scores".
        max_output_size: how many boxes to keep at most.
        iou_threshold: boxes overlap when their intersection over union is above this.
        score_threshold: boxes whose score is not above this drop out.

    Returns:
        Boxes by descending score.
    """
    scores = boxlist.get_field(SCORES)
    high = np.flatnonzero(scores > score_threshold)
    kept = box_ops.non_max_suppression(boxlist.get()[high], scores[high], iou_threshold)
    return boxlist.take(high[kept[:max_output_size]])


def prune_non_overlapping_boxes(
    boxlist1: NpBoxList, boxlist2: NpBoxList, minoverlap: float = 0.0
) -> NpBoxList:
    """Keep the boxes of one list of which at least a share lies in a box of another list.

    Args:
        boxlist1: the boxes to keep or drop.
        boxlist2: what they are compared with.
        minoverlap: the share, 0..1.
    """
    if minoverlap <= 0:
        return boxlist1.take(np.arange(boxlist1.num_boxes() if boxlist2.num_boxes() else 0))
    boxes, others = boxlist1.get(), boxlist2.get()
    keep = np.zeros(boxlist1.num_boxes(), dtype=bool)
    for i, j in box_ops.touching_pairs(boxes, box_ops.box_tree(others)):
        keep[i[box_ops.ioa(boxes[i], others[j]) >= minoverlap]] = True
    return boxlist1.take(np.flatnonzero(keep))
