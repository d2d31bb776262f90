"""Random windows for object detection: around objects, and away from them (C+E)."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.label import boxes as box_ops
from rastervision.core.data.label.boxes import Boxes
from rastervision.core.sampling.aoi_sampler import union_of
from rastervision.core.sampling.random_windows import RandomWindowSampler
from rastervision.core.sampling.window_sampling import WindowSamplingConfig
from rastervision.pipeline.config import register_config

if TYPE_CHECKING:
    from rastervision.core.data.scene import Scene

log = logging.getLogger(__name__)

Share = Annotated[float, Field(ge=0, le=1)]


class ObjectWindowSampler(RandomWindowSampler):
    """Draws windows around objects, and between them windows without objects.

    With areas of interest, only objects that lie within one of them count: others may not have been
    labelled.
    """

    def __init__(
        self,
        extent: Box,
        objects: Boxes,
        neg_ratio: float,
        neg_ioa_thresh: float = 0.2,
        *,
        ioa_thresh: float = 0.0,
        aoi_polygons: Sequence[BaseGeometry] = (),
        **kwargs: Any,
    ) -> None:
        """Constructor.

        Args:
            extent: what the windows are drawn over.
            objects: (N, 4) ymin, xmin, ymax, xmax of the objects, in the frame of `extent`.
            neg_ratio: how many windows without objects to draw for each one around an object, on
                average.
            neg_ioa_thresh: a window is one without objects if less than this share of every object
                lies in it.
            ioa_thresh: the least share of an object in a window that makes it an object of the
                window; windows are drawn around those of which some window can hold that much.
            aoi_polygons: areas of interest, in the frame of `extent`.
            **kwargs: further arguments of `RandomWindowSampler`.
        """
        super().__init__(extent, aoi_polygons=aoi_polygons, **kwargs)
        self.neg_share = neg_ratio / (1 + neg_ratio)
        self.neg_ioa_thresh = neg_ioa_thresh
        inside = objects[box_ops.ioa_with_window(objects, extent) > 0]
        shapes = box_ops.to_shapely(inside)
        if aoi_polygons:
            aoi = union_of(aoi_polygons)
            shapely.prepare(aoi)
            known = shapely.covers(aoi, shapes)
            inside, shapes = inside[known], shapes[known]
        self._objects = inside
        self._tree = shapely.STRtree(shapes)
        self.ioa_thresh = ioa_thresh
        self._targets = inside[self._largest_share(inside) >= ioa_thresh]
        if len(inside) and not len(self._targets):
            self._warn(inside)

    def _largest_share(self, boxes: Boxes) -> NDArray[np.float64]:
        """(N,) the largest share of each box that a window can hold."""
        sides = boxes[:, 2:] - boxes[:, :2]
        window = np.array([self.h_lims[1] - 1, self.w_lims[1] - 1])
        return np.asarray((window / np.maximum(sides, window)).prod(axis=1))

    def _warn(self, boxes: Boxes) -> None:
        height, width = (boxes[:, 2:] - boxes[:, :2])[np.argmin(box_ops.box_areas(boxes))]
        log.warning(
            '%s: no window is large enough for %.0f %% of an object (ioa_thresh), so windows are '
            'drawn anywhere: they have up to %dx%d pixels, and the smallest object has %.0fx%.0f. '
            'Use larger windows, or a smaller ioa_thresh.',
            self.scene_id,
            100 * self.ioa_thresh,
            self.h_lims[1] - 1,
            self.w_lims[1] - 1,
            height,
            width,
        )

    def sample(self, rng: np.random.Generator) -> Box:
        """Draw a window; any window where there are no objects."""
        if not len(self._targets):
            return super().sample(rng)
        is_negative = rng.random() < self.neg_share
        return self.sample_negative(rng) if is_negative else self.sample_positive(rng)

    def sample_positive(self, rng: np.random.Generator) -> Box:
        """Draw a window that holds an object, each one as likely as any other.

        If the object is larger, the window lies within it, provided that this is enough of it.
        Where the areas of interest leave no room for any such window in `max_attempts` draws, it is
        a random window.
        """
        for _ in range(self.max_attempts):
            box = self._targets[rng.integers(len(self._targets))]
            height, width = self.sample_size(rng)
            window = self.sample_around(Box.from_npbox(box), height, width, rng)
            share = box_ops.ioa_with_window(box[None], window)[0]
            if share >= self.ioa_thresh and self.accepts(window):
                return window
        return super().sample(rng)

    def sample_negative(self, rng: np.random.Generator) -> Box:
        """Draw a window without objects, or that with the fewest of `max_attempts` windows."""
        best = super().sample(rng)
        fewest = self.count_objects(best)
        for _ in range(self.max_attempts - 1):
            if fewest == 0:
                break
            window = super().sample(rng)
            count = self.count_objects(window)
            if count < fewest:
                best, fewest = window, count
        return best

    def count_objects(self, window: Box) -> int:
        """Number of objects of which enough lies in a window to make it no negative one."""
        near = self._objects[self._tree.query(window.to_shapely())]
        return int((box_ops.ioa_with_window(near, window) >= self.neg_ioa_thresh).sum())


@register_config('object_detection_window_sampling')
class ObjectDetectionWindowSamplingConfig(WindowSamplingConfig):
    """Which windows of a scene to read for object detection, and which objects are in a window."""

    ioa_thresh: Share = Field(
        0.8,
        description='The least share of a box that must lie in a window, so that the box is one of '
        'the window. Training that reads scenes without CHIP has it for random windows only; '
        'sliding ones go by ioa_thresh and clip of the label source.',
    )
    clip: bool = Field(
        False, description='Cut boxes to their window; holds for the same windows as ioa_thresh.'
    )
    neg_ratio: Annotated[float, Field(ge=0)] | None = Field(
        None,
        description='Windows without objects for each window around an object, on average, among '
        'random windows. If None, windows are drawn anywhere.',
    )
    neg_ioa_thresh: Share = Field(
        0.2,
        description='A window counts as one without objects if less than this share of every '
        'object lies in it.',
    )

    fields_of_method: ClassVar[dict[str, tuple[str, ...]]] = {
        **WindowSamplingConfig.fields_of_method,
        'random': (
            *WindowSamplingConfig.fields_of_method['random'],
            'neg_ratio',
            'neg_ioa_thresh',
        ),
    }

    def build_sampler(self, scene: 'Scene') -> RandomWindowSampler:
        """Make the sampler of random windows of a scene."""
        labels = scene.label_source
        if self.neg_ratio is None or labels is None:
            return super().build_sampler(scene)
        return ObjectWindowSampler(
            scene.extent,
            labels.get_labels().get_npboxes(),  # type: ignore[attr-defined]  # those of detection
            self.neg_ratio,
            self.neg_ioa_thresh,
            ioa_thresh=self.ioa_thresh,
            **self.sampler_options(scene.aoi_polygons_bbox_coords, scene.id),
        )
