"""BackendConfig: the base of all backend configs."""

from typing import TYPE_CHECKING, ClassVar

from rastervision.core.backend.backend import Backend
from rastervision.core.stac_mlm import ModelFacts
from rastervision.pipeline.config import Config, register_config

if TYPE_CHECKING:
    from rastervision.core.data import DatasetConfig
    from rastervision.core.rv_pipeline import PredictOptions, RVPipelineConfig


@register_config('backend')
class BackendConfig(Config):
    """Configure the deep learning library that a pipeline trains and predicts with.

    Attributes:
        task: `RVPipelineConfig.task` of the pipelines that it is for; None if it does not say.
    """

    task: ClassVar[str | None] = None

    def build(self, pipeline: 'RVPipelineConfig', tmp_dir: str) -> Backend:
        """Build the backend for a pipeline whose config has been updated."""
        raise NotImplementedError(type(self).__name__)

    def update(self, pipeline: 'RVPipelineConfig | None' = None) -> None:
        """Fill what depends on the pipeline, such as where the chips are."""

    def needs_chips(self, pipeline: 'RVPipelineConfig') -> bool:  # noqa: ARG002 - for subclasses
        """Say whether TRAIN reads the chips that CHIP writes."""
        return True

    def training_dataset(self, pipeline: 'RVPipelineConfig') -> 'DatasetConfig | None':  # noqa: ARG002 - for subclasses
        """Return the scenes that TRAIN reads; None if it reads chips."""
        return None

    def training_config(self, pipeline: 'RVPipelineConfig') -> Config | None:  # noqa: ARG002 - for subclasses
        """Return the config that decides what TRAIN does; None if it is that of the pipeline."""
        return None

    def check_model(self, pipeline: 'RVPipelineConfig') -> None:
        """Raise ConfigError if TRAIN could not make the model; called before any command runs."""

    def check_prediction(self, options: 'PredictOptions') -> None:
        """Raise ConfigError if this machine cannot predict so; called before any command runs."""

    def model_facts(self, pipeline: 'RVPipelineConfig') -> ModelFacts:  # noqa: ARG002 - for subclasses
        """Describe the model for the bundle's STAC item."""
        return ModelFacts()
