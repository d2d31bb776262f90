"""Options of the CHIP and PREDICT commands for semantic segmentation."""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt

from rastervision.core.rv_pipeline.chip_options import ChipOptions
from rastervision.core.rv_pipeline.predict_options import PredictOptions
from rastervision.core.rv_pipeline.upgraders import ss_chip_options_upgrader
from rastervision.core.sampling.chip_filter import keep_labelled_chip
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError


@register_config('semantic_segmentation_chip_options', upgrader=ss_chip_options_upgrader)
class SemanticSegmentationChipOptions(ChipOptions):
    """Which chips to cut for semantic segmentation."""

    target_class_ids: list[NonNegativeInt] | None = Field(
        None,
        description='Classes that a chip should show. Chips without enough of them are kept with '
        'probability negative_survival_prob. If None, all classes count.',
    )
    negative_survival_prob: float = Field(
        1.0, ge=0, le=1, description='Share of chips without target classes that is kept.'
    )
    target_count_threshold: int = Field(
        1000, ge=0, description='Pixels of the target classes that make a chip a positive one.'
    )

    def keep_chip(
        self, chip: NDArray[Any], label: Any, rng: np.random.Generator | None = None
    ) -> bool:
        """Say whether a chip goes into the training data; ``label`` is (H, W) class ids."""
        return super().keep_chip(chip, label, rng) and keep_labelled_chip(
            label,
            self.target_class_ids,
            self.target_count_threshold,
            self.negative_survival_prob,
            rng or np.random.default_rng(),
        )


@register_config('semantic_segmentation_predict_options')
class SemanticSegmentationPredictOptions(PredictOptions):
    """How to predict a scene for semantic segmentation."""

    stride: int | None = Field(
        None,
        description='Pixels between the starts of two windows. Less than chip_sz makes windows '
        'overlap: their scores are blended. If None, chip_sz.',
    )
    crop_sz: Annotated[int, Field(ge=0)] | Literal['auto'] | None = Field(
        None,
        description='Pixels to leave out at each edge of a window, where a network knows least. '
        '"auto" takes half of what neighbouring windows share.',
    )
    blend: Literal['mean', 'hann'] = Field(
        'mean',
        description='How overlapping windows are joined: the plain mean of their scores, or a '
        'mean that trusts the middle of a window more (no visible seams).',
    )
    tta: bool = Field(
        False,
        description='Test-time augmentation: predict every window in all eight orientations '
        '(flips and quarter turns) and average the scores. Takes eight times as long.',
    )

    def validate_config(self) -> None:
        """Raise ConfigError when windows would leave pixels without a prediction."""
        super().validate_config()
        stride, crop = self.stride or self.chip_sz, self.crop_pixels()
        if 2 * crop >= self.chip_sz:
            raise ConfigError(
                f'predict_options with crop_sz {self.crop_sz} leave nothing of windows of chip_sz '
                f'{self.chip_sz}: crop_sz must be below {self.chip_sz / 2:g}.'
            )
        if stride > self.chip_sz - 2 * crop:
            raise ConfigError(
                f'predict_options with chip_sz {self.chip_sz}, stride {stride} and crop_sz '
                f'{self.crop_sz} leave pixels without a prediction: stride may be at most '
                f'chip_sz - 2 * crop_sz = {self.chip_sz - 2 * crop}.'
            )

    def crop_pixels(self) -> int:
        """Return ``crop_sz`` as a number of pixels."""
        if self.crop_sz == 'auto':
            return max(0, self.chip_sz - (self.stride or self.chip_sz)) // 2
        return self.crop_sz or 0
