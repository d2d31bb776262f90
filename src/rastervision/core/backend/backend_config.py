"""BackendConfig: the base of all backend configs."""

from typing import TYPE_CHECKING, ClassVar

from rastervision.core.backend.backend import Backend
from rastervision.core.backend.training_facts import ModelSize, TrainingFacts
from rastervision.core.bundle import open_bundle
from rastervision.core.stac_mlm import ModelFacts
from rastervision.pipeline.config import Config, register_config

if TYPE_CHECKING:
    from rastervision.core.data import DatasetConfig
    from rastervision.core.rv_pipeline import PredictOptions, RVPipelineConfig
    from rastervision.core.sampling import WindowSamplingConfig


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

    def training_sampling(
        self,
        pipeline: 'RVPipelineConfig',  # noqa: ARG002 - for subclasses
        scene_id: str,  # noqa: ARG002 - for subclasses
    ) -> 'WindowSamplingConfig | None':
        """Return which windows of a scene TRAIN reads; None if it reads chips, or nobody knows."""
        return None

    def training_facts(self, pipeline: 'RVPipelineConfig') -> TrainingFacts | None:  # noqa: ARG002 - for subclasses
        """Return how large the pieces are that TRAIN works on; None if nobody knows."""
        return None

    def try_model(
        self,
        pipeline: 'RVPipelineConfig',
        channels: int,  # noqa: ARG002 - for subclasses
        tmp_dir: str,  # noqa: ARG002 - for subclasses
    ) -> ModelSize | None:
        """Make the model with the weights that TRAIN starts from; for `rastervision validate`.

        Weights that a library would fetch are left out.

        Args:
            pipeline: An updated config.
            channels: Channels of the images.
            tmp_dir: Local folder for temporary files.

        Returns:
            How large it is; None if that is not known.

        Raises:
            RVError: It cannot be made, or weights cannot be read or do not fit.
        """
        if pipeline.source_bundle_uri is not None:
            open_bundle(pipeline.source_bundle_uri).close()
        return None

    def check_prediction(self, options: 'PredictOptions') -> None:
        """Raise ConfigError if this machine cannot predict so; called before any command runs."""

    def model_facts(self, pipeline: 'RVPipelineConfig') -> ModelFacts:  # noqa: ARG002 - for subclasses
        """Describe the model for the bundle's STAC item."""
        return ModelFacts()
