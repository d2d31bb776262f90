"""Options of the CHIP and PREDICT commands for object detection."""

from collections.abc import Iterable
from typing import TypeAlias

from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data import ObjectDetectionLabels, ObjectDetectionLabelSource
from rastervision.core.prediction import WindowBoxes
from rastervision.core.prediction.merging import merge_windows
from rastervision.core.rv_pipeline.chip_options import ChipOptions
from rastervision.core.rv_pipeline.predict_options import PredictOptions
from rastervision.core.rv_pipeline.upgraders import od_chip_options_upgrader
from rastervision.core.sampling import ObjectDetectionWindowSamplingConfig
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError

OneOrByScene: TypeAlias = (
    ObjectDetectionWindowSamplingConfig | dict[str, ObjectDetectionWindowSamplingConfig]
)


@register_config('object_detection_chip_options', upgrader=od_chip_options_upgrader)
class ObjectDetectionChipOptions(ChipOptions):
    """Which chips to cut for object detection."""

    sampling: OneOrByScene = Field(  # type: ignore[assignment]  # narrower, as in release 0.31
        ...,
        description='How to choose windows and the boxes in them: one config for all scenes, or '
        'one by scene id.',
    )

    def apply_to(self, source: ObjectDetectionLabelSource, scene_id: str) -> None:
        """Let the windows of a label source have the boxes that ``sampling`` asks for."""
        sampling = self.sampling
        if isinstance(sampling, dict):
            if scene_id not in sampling:
                return  # a scene that no chips are cut from
            sampling = sampling[scene_id]
        source.ioa_thresh, source.clip = sampling.ioa_thresh, sampling.clip


@register_config('object_detection_predict_options')
class ObjectDetectionPredictOptions(PredictOptions):
    """How to predict a scene for object detection."""

    stride: int | None = Field(
        None,
        description='Pixels between the starts of two windows. If None, half of chip_sz, so that '
        'an object of up to half of chip_sz is seen whole by at least one window.',
    )
    merge_thresh: float = Field(
        0.5,
        ge=0,
        le=1,
        description='Boxes are the same object if their intersection over union is above this; '
        'the one with the highest score is kept. So are a box that is cut off by its window and '
        'one of another window that shows more of the object, if more than this share of the '
        'first lies in the second; the second is kept. Pieces of an object that goes on from '
        'window to window are joined if they overlap this much where both windows look.',
    )
    merge_across_classes: bool = Field(
        True,
        description='Whether boxes of different classes can be the same object. If not, an object '
        'may be found once for each class.',
    )
    score_thresh: float = Field(
        0.5, ge=0, le=1, description='Boxes whose score is not above this are dropped.'
    )

    def update(self) -> None:
        """Fill the stride."""
        if self.stride is None:
            self.stride = max(1, self.chip_sz // 2)

    def merge(self, results: Iterable[WindowBoxes], extent: Box) -> ObjectDetectionLabels:
        """Join the boxes of all windows of a scene, see `merge_windows`.

        Args:
            results: What was found in the windows.
            extent: Box(0, 0, height, width) of the scene.
        """
        return merge_windows(
            results, extent, self.score_thresh, self.merge_thresh, self.merge_across_classes
        )

    def validate_config(self) -> None:
        """Raise ConfigError when windows would leave pixels without a prediction."""
        super().validate_config()
        if self.stride is not None and self.stride > self.chip_sz:
            raise ConfigError(
                f'predict_options with chip_sz {self.chip_sz} and stride {self.stride} leave '
                f'pixels without a prediction: stride may be at most chip_sz.'
            )
