"""Options of the PREDICT command that all tasks share."""

from pydantic import Field

from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError


@register_config('predict_options')
class PredictOptions(Config):
    """How to cut a scene into windows for prediction."""

    chip_sz: int = Field(300, description='Height and width of the windows in pixels.')
    stride: int | None = Field(
        None, description='Pixels between the starts of two windows. If None, chip_sz.'
    )
    batch_sz: int = Field(8, description='Windows that the model sees at once.')

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
