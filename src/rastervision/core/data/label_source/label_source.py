"""LabelSource: the ground truth of a scene."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.pipeline.config import Config, register_config

if TYPE_CHECKING:
    from rastervision.core.data.label import Labels
    from rastervision.core.data.scene import SceneConfig


class LabelSource(ABC):
    """Ground truth that is read by windows in the extent frame of its scene."""

    @abstractmethod
    def get_labels(self, window: Box | None = None) -> 'Labels':
        """Labels of a window, or of the whole extent."""

    @property
    @abstractmethod
    def bbox(self) -> Box:
        """Part of the labels that is used, in the pixel frame of `crs_transformer`."""

    @property
    def extent(self) -> Box:
        """`bbox` in its own frame: Box(0, 0, height, width)."""
        return self.bbox.extent

    @property
    @abstractmethod
    def crs_transformer(self) -> CRSTransformer:
        """Between map coordinates and the pixel frame of `bbox`."""

    @abstractmethod
    def set_bbox(self, bbox: Box) -> None:
        """Use another part of the labels; windows then count from its upper left corner."""

    @property
    def labels_bbox(self) -> Box | None:
        """Box around all labels, in the frame of `bbox`; None when there are none."""
        return self.bbox

    @abstractmethod
    def __getitem__(self, key: Any) -> Any:
        """What a model trains on, by Box or by slices of rows and columns."""

    def without_nodata(self, label: Any, valid: NDArray[np.bool_]) -> Any:  # noqa: ARG002 - for subclasses
        """A label of a window, less what it says of pixels for which the image has no data.

        Args:
            label: of the window.
            valid: (H, W) or (T, H, W) mask of the image.
        """
        return label


@register_config('label_source')
class LabelSourceConfig(Config):
    """Configure the ground truth of a scene."""

    def update(self, pipeline: Any = None, scene: 'SceneConfig | None' = None) -> None:
        """Fill what depends on the pipeline or the scene."""

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        tmp_dir: str | None = None,
    ) -> LabelSource:
        """Build the label source.

        Args:
            class_config: the classes.
            crs_transformer: of the image.
            bbox: part of the image that is used, in its source pixel frame.
            tmp_dir: directory for downloads.
        """
        raise NotImplementedError(type(self).__name__)
