"""A backend that learns nothing and gives every cell the same class.

It has what every backend must have, and nothing else. Put a deep learning library of your own in
the places that do nothing here. Its scores are those that each real model has to beat.
"""

from typing import TYPE_CHECKING

from rastervision.core.backend import Backend, BackendConfig, SampleWriter
from rastervision.core.data import ChipClassificationLabels
from rastervision.pipeline.config import Field, register_config

if TYPE_CHECKING:
    from rastervision.core.data import DatasetConfig, Scene
    from rastervision.core.data_sample import DataSample
    from rastervision.core.rv_pipeline import ChipOptions, PredictOptions, RVPipelineConfig
    from rastervision.pipeline.registry import Registry

PLUGIN = 'plugin.noop_backend'


@register_config('noop_backend', plugin=PLUGIN)
class NoopBackendConfig(BackendConfig):
    """Configure a backend that does nothing."""

    class_id: int = Field(0, description='Class of every cell.')

    def build(self, pipeline: 'RVPipelineConfig', tmp_dir: str) -> 'NoopBackend':
        """Build the backend.

        Args:
            pipeline: The config of the pipeline: where TRAIN writes (`train_uri`), the classes.
            tmp_dir: Local folder for temporary files.
        """
        return NoopBackend(self.class_id)


class NoopSampleWriter(SampleWriter):
    """Takes chips, and keeps none."""

    def write_sample(self, sample: 'DataSample') -> None:
        """Take a chip, `sample.chip` (H, W, C), and its label, `sample.label`."""

    def __exit__(self, *exc_info: object) -> None:
        """Close what was opened; all chips have come, or something went wrong."""


class NoopBackend(Backend):
    """Does nothing.

    Args:
        class_id: Class of every cell.
    """

    def __init__(self, class_id: int) -> None:
        self.class_id = class_id

    def chip_dataset(self, dataset: 'DatasetConfig', chip_options: 'ChipOptions') -> None:
        """Write the chips of all scenes.

        Release 0.31 asks for this method. Without it the pipeline cuts the chips, on several
        workers if there are, and gives them to `get_sample_writer`.
        """

    def get_sample_writer(self) -> NoopSampleWriter:
        """Return what takes chips one by one."""
        return NoopSampleWriter()

    def train(self, source_bundle_uri: str | None = None) -> None:
        """Train a model on the chips."""

    def load_model(self, uri: str | None = None, *, trust_code: bool = False) -> None:
        """Load the model that was trained."""

    def predict_scene(
        self, scene: 'Scene', predict_options: 'PredictOptions'
    ) -> ChipClassificationLabels:
        """Predict all cells of a scene."""
        labels = ChipClassificationLabels.make_empty()
        size = predict_options.chip_sz
        for window in scene.extent.get_windows(size, predict_options.stride or size):
            labels.set_cell(window, self.class_id)
        return labels


def register_plugin(registry: 'Registry') -> None:
    """Say what version the configs of this plugin have."""
    registry.set_plugin_version(PLUGIN, 0)
