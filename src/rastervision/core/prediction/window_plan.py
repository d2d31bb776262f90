"""How the prediction of a scene is shared out where every window is predicted on its own.

As in `scene_plan`, the parts follow from the scene's size and the options alone. A part is some
whole batches of windows, so a window is in the same batch whoever computes its part.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.prediction.scene_plan import Windows, prediction_windows

MIN_PART_WINDOWS = 64
MAX_PARTS = 1000
"""Of large scenes, parts grow instead of becoming more: each is a file."""


@dataclass(frozen=True, slots=True)
class WindowPart:
    """Consecutive windows that are predicted and written together.

    Attributes:
        index: Position in `WindowPlan.parts`.
        windows: The windows, in the extent frame.
    """

    index: int
    windows: Windows

    @property
    def work(self) -> int:
        """How much work the part is: the pixels that the model sees."""
        return len(self.windows) * self.windows.size**2


@dataclass(frozen=True, slots=True)
class WindowRun:
    """Consecutive parts, predicted in one go.

    Attributes:
        parts: The parts, in order.
        windows: The windows of all of them. Batches are counted from the first one.
    """

    parts: tuple[WindowPart, ...]
    windows: Windows


class WindowPlan:
    """The windows of a scene, row by row, cut into parts of whole batches.

    Attributes:
        windows: All windows; they reach out of the scene at its right and lower side.
        parts: Their parts, in order.
    """

    def __init__(
        self,
        extent: Box,
        chip_sz: int,
        stride: int,
        batch_sz: int,
        aoi_polygons: Sequence[BaseGeometry] = (),
    ) -> None:
        """Constructor.

        Args:
            extent: Box(0, 0, height, width) of the scene.
            chip_sz: Height and width of the windows in pixels.
            stride: Distance between windows in pixels.
            batch_sz: Windows that the model sees at once.
            aoi_polygons: Areas of interest in the extent frame, if only windows that touch one
                are wanted.
        """
        self.windows = prediction_windows(extent, chip_sz, stride)
        if aoi_polygons:
            self.windows = self.windows.touching(aoi_polygons)
        count = len(self.windows)
        least = max(MIN_PART_WINDOWS, -(-count // MAX_PARTS))
        self._part_sz = -(-least // batch_sz) * batch_sz
        starts = range(0, count, self._part_sz)
        self.parts = tuple(
            WindowPart(index, self.windows[start : start + self._part_sz])
            for index, start in enumerate(starts)
        )

    def runs(self, parts: Collection[WindowPart]) -> list[WindowRun]:
        """Group parts that follow on each other, in the order of the plan.

        Args:
            parts: Some of the plan's parts, in any order.
        """
        ordered = enumerate(sorted(parts, key=lambda part: part.index))
        groups = groupby(ordered, lambda place: place[1].index - place[0])
        return [self._run(tuple(part for _, part in group)) for _, group in groups]

    def _run(self, parts: tuple[WindowPart, ...]) -> WindowRun:
        start, stop = parts[0].index * self._part_sz, (parts[-1].index + 1) * self._part_sz
        return WindowRun(parts, self.windows[start:stop])
