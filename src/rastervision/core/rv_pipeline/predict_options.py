"""Options of the PREDICT command that all tasks share."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field
from shapely.geometry.base import BaseGeometry

from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from rastervision.core.data import Scene


@register_config('predict_options')
class PredictOptions(Config):
    """How to cut a scene into windows for prediction."""

    chip_sz: int = Field(300, description='Height and width of the windows in pixels.')
    stride: int | None = Field(
        None, description='Pixels between the starts of two windows. If None, chip_sz.'
    )
    batch_sz: int = Field(8, description='Windows that the model sees at once.')
    precision: Literal['float32', 'float16', 'bfloat16'] = Field(
        'float32',
        description='Numbers that the model computes with where that does no harm (mixed '
        'precision). The shorter ones are faster on GPUs, bfloat16 on some CPUs, too.',
    )
    engine: Literal['auto', 'torch', 'onnxruntime', 'openvino'] = Field(
        'auto',
        description='What runs the model. "auto" takes the fastest one on a CPU that gives the '
        'same scores as PyTorch, and PyTorch on a GPU.',
    )

    aoi_only: bool = Field(
        False,
        description='Predict the areas of interest of scenes that have some, nothing else: windows '
        'that touch none are left out. Pixels outside are of the null class, cells and boxes '
        'outside are not written.',
    )

    def aoi_polygons(self, scene: 'Scene') -> list[BaseGeometry]:
        """Polygons of the extent frame to which the prediction is limited; none for all of it."""
        return scene.aoi_polygons_bbox_coords if self.aoi_only else []

    def update(self) -> None:
        """Fill the stride."""
        if self.stride is None:
            self.stride = self.chip_sz

    def validate_config(self) -> None:
        """Raise ConfigError unless sizes are positive."""
        for field in ('chip_sz', 'stride', 'batch_sz'):
            value = getattr(self, field)
            if value is not None and value < 1:
                raise ConfigError(f'predict_options.{field} must be positive, got {value}.')
